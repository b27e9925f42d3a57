extension Platform {
  /// The same platform by the names that Go and the registries use, as containerd normalises it: `x86_64` is `amd64`,
  /// `aarch64` and `arm64/v8` are `arm64`, `armhf` and `arm` are `arm/v7`, `macos` is `darwin`; features are sorted.
  public var normalized: Platform {
    var result = self
    result.os = normalizedOS
    result.osVersion = osVersion.flatMap { $0.isEmpty ? nil : $0 }
    if osFeatures.count > 1 { result.osFeatures = Set(osFeatures).sorted(by: byteOrder) }
    (result.architecture, result.variant) = normalizedArchitecture
    return result
  }

  var normalizedOS: String {
    let name = os.lowercased()
    return name == "macos" ? "darwin" : name
  }

  var normalizedArchitecture: (name: String, variant: String?) {
    Self.normalized(architecture.lowercased(), (variant ?? "").lowercased())
  }

  private static func normalized(_ architecture: String, _ variant: String) -> (String, String?) {
    switch (architecture, variant) {
    case ("i386", _): ("386", nil)
    case ("x86_64", ""), ("x86_64", "v1"), ("x86-64", ""), ("x86-64", "v1"), ("amd64", ""), ("amd64", "v1"):
      ("amd64", nil)
    case ("x86_64", _), ("x86-64", _): ("amd64", variant)
    case ("aarch64", ""), ("aarch64", "8"), ("aarch64", "v8"), ("arm64", ""), ("arm64", "8"), ("arm64", "v8"):
      ("arm64", nil)
    case ("aarch64", _): ("arm64", variant)
    case ("armhf", _), ("arm", ""), ("arm", "7"): ("arm", "v7")
    case ("armel", _): ("arm", "v6")
    case ("arm", "5"), ("arm", "6"), ("arm", "8"): ("arm", "v" + variant)
    default: (architecture, variant.isEmpty ? nil : variant)
    }
  }

  /// The platforms whose images run on this one, the best first, this one normalised at the head: `arm/v7` runs `arm/v6`
  /// and `arm/v5`, `amd64` runs `386`, `arm64/v8.2` runs `arm64/v8.1`, `arm64` and the 32-bit `arm`.
  public var fallbacks: [Platform] {
    let best = normalized
    let others: [(String, String?)] =
      switch best.architecture {
      case "amd64":
        (1..<(Self.number(best.variant) ?? 1)).reversed().map { ("amd64", "v\($0)") } + [("386", nil)]
      case "arm": Self.arm(below: best.variant)
      case "arm64": Self.arm64(below: best.variant ?? "v8") + Self.arm(on64: best.variant ?? "v8")
      default: []
      }
    return [best]
      + others.map { architecture, variant in
        var fallback = best
        (fallback.architecture, fallback.variant) = Self.normalized(architecture, variant ?? "")
        return fallback
      }
  }

  private static func arm(below variant: String?) -> [(String, String?)] {
    guard let level = number(variant), (6...99).contains(level) else { return [] }
    return (5..<level).reversed().map { ("arm", "v\($0)") }
  }

  /// The 32-bit processors that a 64-bit one can be.
  private static func arm(on64 variant: String) -> [(String, String?)] {
    let variant = variant.hasPrefix("v8.") || variant.hasPrefix("v9.") ? "v8" : variant
    return [("arm", variant)] + arm(below: variant)
  }

  private static func arm64(below variant: String) -> [(String, String?)] {
    let parts = variant.split(separator: ".", omittingEmptySubsequences: false)
    guard let major = number(String(parts[0])), parts.count <= 2, let minor = parts.count == 1 ? 0 : Int(parts[1]),
      (0...99).contains(minor)
    else { return [] }
    func below(_ minor: Int, of major: Int) -> [(String, String?)] {
      (0..<minor).reversed().map { ("arm64", $0 == 0 ? "v\(major)" : "v\(major).\($0)") }
    }
    // v9.0 grew out of v8.5.
    if major == 9 { return below(minor, of: 9) + below(minor + 6, of: 8) }
    return major == 8 ? below(minor, of: 8) : []
  }

  /// 7 of `v7`, or of `7`.
  private static func number(_ variant: String?) -> Int? {
    guard let variant, let number = Int(variant.hasPrefix("v") ? variant.dropFirst() : variant[...]),
      (1...99).contains(number)
    else { return nil }
    return number
  }

  /// Whether an image for another platform can run here exactly as it asks, without a fallback: the same system, processor
  /// and variant after normalisation, no feature that we lack and, on Windows, the same build.
  public func matches(_ image: Platform) -> Bool {
    let (ours, theirs) = (normalized, image.normalized)
    guard ours.os == theirs.os, ours.architecture == theirs.architecture, ours.variant == theirs.variant,
      Set(theirs.osFeatures).isSubset(of: ours.osFeatures)
    else { return false }
    guard ours.os == "windows", let mine = ours.osVersion, let other = theirs.osVersion else { return true }
    return mine.split(separator: ".").prefix(3) == other.split(separator: ".").prefix(3)
  }
}

extension ImageIndex {
  /// The manifest to run on a platform: the first that matches it, else the first that matches its best fallback. Entries
  /// without a platform, and those that are about another entry (attestations), are not looked at.
  /// - Parameters:
  ///   - platform: What the image has to run on.
  ///   - fallback: Whether an image for a lesser processor will do.
  public func manifest(for platform: Platform, fallback: Bool = true) -> Descriptor? {
    for wanted in fallback ? platform.fallbacks : [platform] {
      if let found = manifests.first(where: { $0.platform.map(wanted.matches) == true && !$0.isAttestation }) {
        return found
      }
    }
    return nil
  }
}

extension Descriptor {
  /// Whether this entry of an index is no image but a statement about one, as BuildKit adds them.
  public var isAttestation: Bool {
    annotations[AnnotationKey.dockerReferenceType] != nil
      || (platform?.os == "unknown" && platform?.architecture == "unknown")
  }
}

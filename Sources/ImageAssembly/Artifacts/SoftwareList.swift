public import LayerGraph
public import OCICore
internal import SystemPackage
internal import Tarball

/// What software is in an image of store paths, taken from the closure itself: names, versions, hashes, who refers to whom, and
/// which layer holds what. No clock and no scanner: equal images give equal lists.
public struct SoftwareList: Sendable {
  /// One store path.
  public struct Package: Sendable, Hashable {
    /// The store path.
    public var path: String
    /// The name without version and output.
    public var name: String
    /// The version, where the path's name has one.
    public var version: String?
    /// The hash by which the store names it, in Nix's digits.
    public var storeHash: String
    /// The SHA-256 of its NAR, in hexadecimal digits, where it is known.
    public var narSHA256: String?
    /// The paths that it refers to.
    public var references: [String]
    /// The digest of the layer that holds it.
    public var layer: Digest

    /// A name that is valid in both formats.
    var identifier: String {
      "\(storeHash)-\(String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") ? $0 : "-" }))"
    }
    /// A package URL (purl) of the type that Nix has.
    var packageURL: String {
      func escaped(_ text: String) -> String {
        text.utf8.map { byte in
          let isPlain =
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || "-._~".utf8.contains(byte)
          return isPlain
            ? String(Character(Unicode.Scalar(byte)))
            : "%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))"
        }.joined()
      }
      return "pkg:nix/\(escaped(name))\(version.map { "@\(escaped($0))" } ?? "")?drvhash=\(storeHash)"
    }
  }

  /// The name of the image, for people.
  public let name: String
  /// The manifest's digest.
  public let digest: Digest
  /// The store paths, sorted.
  public let packages: [Package]
  /// When the image says that it was made, RFC 3339.
  public let created: String

  /// Lists an image.
  /// - Parameters:
  ///   - image: The image, as it was assembled.
  ///   - name: What the image is called.
  ///   - graph: Who refers to whom; what is not in it is listed without references.
  ///   - hashes: The hashes of the NARs.
  public init(_ image: AssembledImage, name: String, graph: StoreGraph? = nil, hashes: NarHashes = .init()) {
    self.name = name
    digest = image.descriptor.digest
    created = image.configuration.created ?? Timestamp.text(1)
    let references = Dictionary(
      (graph?.nodes ?? []).map { ($0.path, $0.references) }, uniquingKeysWith: { first, _ in first })
    var listed: Set<String> = []
    packages = image.layers.flatMap { layer in
      layer.content.allStorePaths.filter { listed.insert($0).inserted }.map { path in
        let parts = StoreName(path)
        return Package(
          path: path, name: parts.name, version: parts.version, storeHash: parts.hash,
          narSHA256: hashes.sha256(of: path),
          references: (references[path] ?? []).filter { $0 != path }.sorted(by: byteOrder),
          layer: layer.descriptor.digest)
      }
    }.sorted { byteOrder($0.path, $1.path) }
  }
}

extension LayerContent {
  /// The store paths whose files it has, at their own places or elsewhere.
  fileprivate var allStorePaths: [String] {
    let own = storePaths + (planned?.paths ?? [])
    let others = recipe.sources.filter { $0.form == .tree }.compactMap { StorePath(in: $0.host)?.path.string }
    return Set(own + others.filter { $0.hasPrefix("/nix/store/") }).sorted(by: byteOrder)
  }
}

/// The parts of a store path's name.
struct StoreName {
  let hash: String
  let name: String
  let version: String?

  init(_ path: String) {
    let base = path.split(separator: "/").last.map(String.init) ?? path
    let dash = base.firstIndex(of: "-")
    hash = dash.map { String(base[..<$0]) } ?? base
    let full = dash.map { base[base.index(after: $0)...] } ?? base[...]
    // Nix's own rule: the version begins after the first dash that no letter follows.
    var cut: Substring.Index?
    for index in full.indices where full[index] == "-" {
      let next = full.index(after: index)
      if next < full.endIndex, !full[next].isLetter {
        cut = index
        break
      }
    }
    name = String(cut.map { full[..<$0] } ?? full)
    version = cut.map { String(full[full.index(after: $0)...]) }
  }
}

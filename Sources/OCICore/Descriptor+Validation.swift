extension Descriptor {
  /// What the descriptor has wrong, or does unusually (image-spec, descriptor.md). Its content is not looked at.
  public func validate() -> [Finding] { validate(at: "$") }

  /// - Parameter path: Where the descriptor is, as JSONPath.
  func validate(at path: @autoclosure () -> String) -> [Finding] {
    var inspection = Inspection("descriptor.md")
    if !hasSize {
      inspection.error(.missing, "\(path()).size", "is missing; set it to the content's length", "Properties")
    } else if size < 0 {
      inspection.error(.invalidValue, "\(path()).size", "must not be negative", "Properties")
    }
    inspection.check(digest, at: "\(path()).digest")
    for (index, url) in urls.enumerated() { inspection.check(url: url, at: "\(path()).urls[\(index)]") }
    inspection.check(annotations: annotations, at: "\(path()).annotations")
    if let data {
      do { try verify(data) } catch {
        inspection.error(
          .mismatch, "\(path()).data", "is not the content that the descriptor is about: \(error.message)",
          "Embedded Content")
      }
    }
    if mediaType == .empty, (digest, size) != (Self.empty.digest, Self.empty.size) {
      inspection.warning(
        .mismatch, path(), "is of the empty type, whose content is the two bytes {}", "Guidance for an Empty Descriptor"
      )
    }
    if let platform { inspection.add(platform.validate(at: "\(path()).platform")) }
    return inspection.findings
  }
}

extension Inspection {
  /// Digests (descriptor.md §Digests).
  mutating func check(_ digest: Digest, at path: @autoclosure () -> String) {
    guard !digest.algorithm.isRegistered else { return }
    warning(
      .unknownValue, path(), "'\(digest.algorithm)' is no registered algorithm: other tools cannot verify the content",
      "Registered Algorithms")
  }

  fileprivate mutating func check(url: String, at path: String) {
    let scheme = url.prefix { $0 != ":" }
    let isScheme =
      scheme.utf8.first.map { isLowercase(lowercased($0)) } == true && scheme.utf8.count < url.utf8.count
      && scheme.utf8.allSatisfy { isAlphanumeric($0) || Self.schemePunctuation.contains($0) }
    guard isScheme, url.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !Self.notInURLs.contains($0) }) else {
      return error(.invalidValue, path, "'\(excerpt(url))' is no URI of RFC 3986", "Properties")
    }
    if !["http", "https"].contains(scheme.lowercased()) {
      warning(.unknownValue, path, "should be an http or https URL", "Properties")
    }
  }

  private static let schemePunctuation = Array("+-.".utf8)
  private static let notInURLs = Array("\"<>\\^`{|}".utf8)
}

extension Platform {
  /// - Parameter path: Where the platform is, as JSONPath.
  func validate(
    at path: @autoclosure () -> String, page: String = "image-index.md",
    section: String = "Image Index Property Descriptions"
  )
    -> [Finding]
  {
    var inspection = Inspection(page)
    for (name, value, usual) in [
      ("architecture", architecture, normalizedArchitecture.name), ("os", os, normalizedOS),
    ] {
      if value.isEmpty {
        inspection.error(.missing, "\(path()).\(name)", "is required and is missing or empty", section)
      } else if value != usual {
        inspection.warning(
          .unknownValue, "\(path()).\(name)", "'\(excerpt(value))' should be '\(excerpt(usual))', as Go calls it",
          section
        )
      }
    }
    return inspection.findings
  }
}

/// Collects findings about one document, under the name of the spec's page that has its rules.
struct Inspection {
  private(set) var findings: [Finding] = []
  private let page: String

  /// - Parameter page: The page of the image-spec, e.g. `manifest.md`.
  init(_ page: String) { self.page = page }

  mutating func error(_ code: Finding.Code, _ path: String, _ message: String, _ section: String) {
    add(.error, code, path, message, section)
  }

  mutating func warning(_ code: Finding.Code, _ path: String, _ message: String, _ section: String) {
    add(.warning, code, path, message, section)
  }

  private mutating func add(
    _ severity: Finding.Severity, _ code: Finding.Code, _ path: String, _ message: String, _ section: String
  ) {
    findings.append(
      Finding(severity, code, path: path, message: message, section: "image-spec \(page) §\(section)"))
  }

  /// Adds what was found in a part of the document that has a page of its own.
  mutating func add(_ others: [Finding]) { findings += others }

  /// Annotations and labels (image-spec, annotations.md §Rules).
  mutating func check(annotations: [String: String], at path: @autoclosure () -> String) {
    var rules = Inspection("annotations.md")
    if annotations.keys.contains("") {
      rules.error(.invalidValue, path() + step(""), "a key may not be empty; name it, e.g. com.example.key", "Rules")
    }
    // Any value may be empty.
    if let created = annotations[AnnotationKey.created], !created.isEmpty, !Timestamp.isValid(created) {
      rules.error(
        .invalidValue, path() + step(AnnotationKey.created), "'\(excerpt(created))' is not a time of RFC 3339",
        "Pre-Defined Annotation Keys")
    }
    if let digest = annotations[AnnotationKey.baseDigest], !digest.isEmpty, (try? Digest(digest)) == nil {
      rules.error(
        .invalidValue, path() + step(AnnotationKey.baseDigest), "'\(excerpt(digest))' is not a digest",
        "Pre-Defined Annotation Keys")
    }
    add(rules.findings)
  }
}

/// A member of a map as a step of a JSONPath (RFC 9535 §2.3.1).
func step(_ name: String) -> String {
  let escaped = excerpt(name).replacing("\\", with: "\\\\").replacing("'", with: "\\'")
  return "['\(escaped)']"
}

internal import ImageAssembly
internal import OCICore
internal import SystemPackage
internal import Tarball

/// Reads the values of a project, and goes on after what is wrong.
struct ProjectReader {
  private let document: YAMLDocument
  let directory: FilePath
  private(set) var project: Project
  private(set) var faults: [ProjectError] = []

  init(_ document: YAMLDocument, _ directory: FilePath) {
    self.document = document
    self.directory = directory
    project = Project(directory: directory)
  }

  /// Runs a part; what is wrong in it is kept, with its place.
  private mutating func attempt(_ path: String, _ body: (inout ProjectReader) throws -> Void) {
    do { try body(&self) } catch {
      var message = "\(error)"
      // Messages begin with the path of what they are about.
      let place = document.place(of: message) ?? document.place(of: path)
      if message.hasPrefix("project.") { message = String(message.dropFirst("project.".count)) }
      faults.append(ProjectError(message, place: place))
    }
  }

  private mutating func warn(_ path: String, _ message: String) {
    faults.append(ProjectError(message, place: document.place(of: path), isWarning: true))
  }

  mutating func read() {
    attempt("project") { try $0.readTop() }
  }

  private mutating func readTop() throws {
    var fields = try FieldReader(document.json, path: "project")
    if let version = try fields.integer("version"), version != 1 {
      throw fields.error("version", "is \(version), and this version of flywheel reads 1")
    }
    let (contexts, images, tags) = (
      try fields.value("contexts"), try fields.value("images"), try fields.value("tags")
    )
    project.defaultContext = try fields.string("defaultContext")
    project.defaultBranch = try fields.string("defaultBranch") ?? "main"
    project.lockFile = try fields.string("lockFile").map { host($0) }
    attempt("project") { _ in try fields.requireNothingElse() }
    if let tags { attempt("project.tags") { $0.project.tags = try $0.tagRules(tags, "project.tags") } }
    if let contexts { attempt("project.contexts") { try $0.readContexts(contexts) } }
    if let context = project.defaultContext, project.contexts[context] == nil {
      attempt("project.defaultContext") { _ in
        throw fields.error("defaultContext", "is '\(context)', which is no context; name one of 'contexts'")
      }
    }
    guard let members = images?.objectValue?.members, !members.isEmpty else {
      throw fields.error("images", "must name at least one image, e.g. 'images: {server: {closure: closure.json}}'")
    }
    for (name, value) in members {
      let path = "project.images.\(name)"
      attempt(path) { reader in
        let image = try reader.image(name, value, path)
        reader.project.images.append(image)
      }
    }
  }

  private mutating func readContexts(_ json: JSON) throws {
    guard let members = json.objectValue?.members else {
      throw OCIError(.invalidDocument, "project.contexts must be an object, e.g. 'upstream: ghcr.io/org/name'")
    }
    for (name, value) in members {
      guard let text = value.stringValue, !text.isEmpty else {
        throw OCIError(
          .invalidDocument, "project.contexts.\(name) must be a registry and a repository, e.g. ghcr.io/org/name")
      }
      if !text.contains("${") {
        do { _ = try ImageReference(text, defaultHost: nil) } catch {
          throw OCIError(.invalidDocument, "project.contexts.\(name) is no place for images: \(error.message)")
        }
      }
      project.contexts[name] = text
    }
  }

  func host(_ text: String) -> FilePath {
    let path = FilePath(text)
    return path.isAbsolute || directory == "." ? path : directory.appending(path.components)
  }

  func tagRules(_ json: JSON, _ field: String) throws -> [TagRule] {
    guard let list = json.arrayValue, !list.isEmpty else {
      throw OCIError(.invalidDocument, "\(field) must be a list, e.g. [content, commit, latest]")
    }
    return try list.enumerated().map { index, item in
      let path = "\(field)[\(index)]"
      switch item.stringValue {
      case "content": return .content
      case "commit": return .commit
      case "short-commit": return .shortCommit
      // A moving tag that every branch moves is a mistake more often than not.
      case "latest": return .text("latest", onDefaultBranch: true)
      case let text?: return .text(try Self.checked(text, path), onDefaultBranch: false)
      case nil:
        var fields = try FieldReader(item, path: path)
        let tag = try fields.required("tag") { (fields, name) throws(OCIError) in try fields.string(name) }
        let isDefault = try fields.choice("on", ["every-branch": false, "default-branch": true]) ?? false
        try fields.requireNothingElse()
        return .text(try Self.checked(tag, path), onDefaultBranch: isDefault)
      }
    }
  }

  private static func checked(_ text: String, _ path: String) throws -> String {
    guard !text.contains("${") else { return text }
    do { try ImageReference.validate(tag: text) } catch {
      throw OCIError(.invalidDocument, "\(path): \(error.message)")
    }
    return text
  }
}

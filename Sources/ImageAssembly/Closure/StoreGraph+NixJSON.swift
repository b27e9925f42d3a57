public import LayerGraph
internal import OCICore
public import SystemPackage

extension StoreGraph {
  /// Reads a closure in any shape that Nix prints:
  /// - `exportReferencesGraph` of a derivation with structured attributes: a list of objects, also as the `graph` (or any
  ///   other name) member of the attributes file,
  /// - `nix path-info --json -r`: a list, an object by path, and the form that has `info` and `storeDir`.
  ///
  /// Unknown members are ignored. References to paths outside are kept as `outsideReferences`.
  /// - Parameters:
  ///   - bytes: The document.
  ///   - name: What the document is called in messages, e.g. its file name.
  /// - Throws: `AssemblyError.Code.invalidClosure` naming line or field.
  public init(nixJSON bytes: [UInt8], name: String) throws(AssemblyError) {
    let nodes: [Node]
    do {
      nodes = try NixClosureDocument(try JSON(parsing: bytes, valueLimit: .max)).nodes
    } catch {
      throw AssemblyError(.invalidClosure, "closure '\(name)': \(error.message)")
    }
    guard !nodes.isEmpty else {
      throw AssemblyError(.invalidClosure, "closure '\(name)': it holds no store path; give one that is not empty")
    }
    try self.init(closure: nodes, name: name)
  }

  /// Reads a closure file; see `init(nixJSON:name:)`.
  /// - Throws: `AssemblyError`.
  public init(nixJSONFile path: FilePath) throws(AssemblyError) {
    let bytes: [UInt8]
    do { bytes = try FileSystem.contents(of: path) } catch {
      throw AssemblyError(.fileUnreadable, "closure: \(error.message)")
    }
    try self.init(nixJSON: bytes, name: path.string)
  }

  init(closure nodes: [Node], name: String) throws(AssemblyError) {
    do { try self.init(nodes) } catch {
      throw AssemblyError(.invalidClosure, "closure '\(name)': \(error.message)")
    }
  }
}

/// The shapes of closure documents, told apart by their members.
private struct NixClosureDocument {
  private(set) var nodes: [StoreGraph.Node] = []

  init(_ json: JSON) throws(OCIError) {
    switch json {
    case .array(let list):
      try append(list, name: "closure")
    case .object(let object):
      if let info = object["info"], info.objectValue != nil {
        var fields = try FieldReader(json, path: "closure")
        let directory = try fields.string("storeDir") ?? "/nix/store"
        try append(info.objectValue?.members ?? [], name: "closure.info", directory: directory)
      } else if object.members.contains(where: { $0.name.hasPrefix("/") }) {
        try append(object.members, name: "closure", directory: nil)
      } else {
        try append(graphIn: object)
      }
    default:
      throw OCIError(.invalidDocument, "the closure must be a list or an object, but it is \(json.kind)")
    }
  }

  /// The attributes file of a derivation: the graph is the member `graph`, or the only list of objects with a `path`.
  private mutating func append(graphIn object: JSON.Object) throws(OCIError) {
    if let graph = object["graph"] {
      guard let list = graph.arrayValue else {
        throw OCIError(.invalidDocument, "closure.graph must be a list, but it is \(graph.kind)")
      }
      return try append(list, name: "closure.graph")
    }
    let graphs = object.members.filter { $0.value.arrayValue?.first?.objectValue?["path"] != nil }
    guard let graph = graphs.first, graphs.count == 1 else {
      throw OCIError(
        .invalidDocument,
        "the closure has no member 'graph' and is not keyed by store path; give what exportReferencesGraph or 'nix path-info --json -r' prints"
      )
    }
    try append(graph.value.arrayValue ?? [], name: "closure.\(graph.name)")
  }

  private mutating func append(_ list: [JSON], name: String) throws(OCIError) {
    for (index, element) in list.enumerated() {
      try append(element, path: nil, field: "\(name)[\(index)]", directory: nil)
    }
  }

  private mutating func append(
    _ members: [(name: String, value: JSON)], name: String, directory: String?
  ) throws(OCIError) {
    for member in members {
      try append(member.value, path: member.name, field: "\(name)[\"\(member.name)\"]", directory: directory)
    }
  }

  /// - Parameters:
  ///   - path: The path, where the document has it as a key.
  ///   - directory: The store, where the document has base names instead of paths.
  private mutating func append(_ json: JSON, path key: String?, field: String, directory: String?) throws(OCIError) {
    func absolute(_ path: String) -> String {
      guard let directory, !path.hasPrefix("/") else { return path }
      return "\(directory)/\(path)"
    }
    guard json != .null else { throw Self.notValid(key ?? field) }
    var fields = try FieldReader(json, path: field)
    let ownPath = try fields.string("path")
    guard let path = (key ?? ownPath).map(absolute) else { throw fields.error("path", "is missing") }
    if try fields.bool("valid") == false { throw Self.notValid(path) }
    try Self.validate(path, in: fields, "path")
    guard let size = try fields.integer("narSize") else {
      throw fields.error("narSize", "is missing; the plan needs the size of '\(path)'")
    }
    guard size >= 0 else { throw fields.error("narSize", "must not be negative, but it is \(size)") }
    guard let references = try fields.strings("references") else {
      throw fields.error("references", "is missing; give an empty list where '\(path)' refers to nothing")
    }
    for (index, reference) in references.enumerated() {
      try Self.validate(absolute(reference), in: fields, "references[\(index)]")
    }
    nodes.append(StoreGraph.Node(path: path, size: size, references: references.map(absolute)))
  }

  private static func notValid(_ path: String) -> OCIError {
    OCIError(.invalidDocument, "'\(path)' is not valid in the store that printed the closure; build it first")
  }

  /// A store path becomes a path of the image, so it may not lead anywhere else.
  private static func validate(_ path: String, in fields: FieldReader, _ field: String) throws(OCIError) {
    let components = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    let isClean = components.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(0) }
    guard path.hasPrefix("/"), isClean else {
      throw fields.error(field, "must be an absolute path without '.' and '..', but it is '\(path)'")
    }
  }
}

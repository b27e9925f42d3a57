internal import OCICore
internal import Yams

/// A YAML or JSON text as a JSON value that knows where each of its parts stands.
struct YAMLDocument {
  /// A place in a text, from 1.
  struct Place: Hashable {
    var line: Int
    var column: Int
  }

  let json: JSON
  /// Places by the path that messages have, e.g. `project.images.app.tags[0]`.
  private let places: [String: Place]
  private static let nodeLimit = 100_000

  /// Parses a text.
  /// - Parameter root: What the whole is called in messages.
  /// - Throws: `ProjectError`, with line and column.
  init(_ text: String, root: String) throws(ProjectError) {
    let node: Node?
    do { node = try compose(yaml: text) } catch { throw Self.error(error) }
    guard let node else {
      throw ProjectError("the file is empty; describe at least one image under 'images'", place: nil)
    }
    var reader = Reader()
    json = try reader.json(node, root)
    places = reader.places
  }

  /// Where the part is that a message is about: that with the longest path that the message begins with.
  func place(of message: String) -> Place? {
    var path = message.prefix { $0 != " " }
    while !path.isEmpty {
      if let place = places[String(path)] { return place }
      guard let cut = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { return nil }
      path = path[..<cut]
    }
    return nil
  }

  private static func error(_ error: any Error) -> ProjectError {
    switch error {
    case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
      YamlError.composer(_, let problem, let mark, _):
      ProjectError("this is no YAML: \(problem)", place: Place(line: mark.line, column: mark.column))
    case YamlError.duplicatedKeysInMapping(let keys, let context):
      ProjectError(
        "'\(keys.joined(separator: "', '"))' is given twice; keep one",
        place: Place(line: context.mark.line, column: context.mark.column))
    default: ProjectError("this is no YAML: \(error)", place: nil)
    }
  }

  private struct Reader {
    var places: [String: Place] = [:]
    private var count = 0

    mutating func json(_ node: Node, _ path: String) throws(ProjectError) -> JSON {
      let place = node.mark.map { Place(line: $0.line, column: $0.column) }
      count += 1
      // Aliases of aliases could go on for ever.
      guard count <= YAMLDocument.nodeLimit else {
        throw ProjectError(
          "there are more than \(YAMLDocument.nodeLimit) values, aliases repeated; write fewer", place: place)
      }
      if let place { places[path] = place }
      switch node {
      case .mapping(let mapping):
        var object = JSON.Object()
        for (key, value) in mapping {
          guard let name = key.scalar?.string else { throw ProjectError("a name must be plain text", place: place) }
          object[name] = try json(value, "\(path).\(name)")
        }
        return .object(object)
      case .sequence(let sequence):
        var list: [JSON] = []
        for (index, value) in sequence.enumerated() { list.append(try json(value, "\(path)[\(index)]")) }
        return .array(list)
      case .scalar(let scalar): return value(scalar, node)
      case .alias: throw ProjectError("an alias stands for nothing here; define its anchor before it", place: place)
      }
    }

    /// Only what is certain is no text: numbers in decimal digits, `true`, `false`, `null` and nothing.
    private func value(_ scalar: Node.Scalar, _ node: Node) -> JSON {
      guard scalar.style == .plain || scalar.style == .any, node.tag.description != "tag:yaml.org,2002:str" else {
        return .string(scalar.string)
      }
      switch scalar.string {
      case "true": return .bool(true)
      case "false": return .bool(false)
      case "null", "~", "": return .null
      default:
        if let number = Int64(scalar.string), String(number) == scalar.string { return .integer(number) }
        return .string(scalar.string)
      }
    }
  }
}

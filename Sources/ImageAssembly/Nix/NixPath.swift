internal import OCICore
internal import SystemPackage
internal import Tarball

/// A store path as a layer of Nix expressions has it: at its own place or at the root, some of its metadata changed.
struct NixPath: Hashable {
  let path: String
  /// Whether it is at the root, and not at its own place.
  let isAtRoot: Bool
  /// What becomes of metadata, as nix2container's `perms` say it; later ones over earlier ones.
  let permissions: [JSON]

  /// As nix2container writes it. The expression is escaped, because store paths have dots and pluses.
  var json: JSON {
    var object: JSON.Object = ["path": .string(path)]
    var options = JSON.Object()
    if isAtRoot {
      options["rewrite"] = .object(["regex": .string("^" + Self.escaped(path)), "repl": ""])
    }
    if !permissions.isEmpty { options["perms"] = .array(permissions) }
    if !options.members.isEmpty { object["options"] = .object(options) }
    return .object(object)
  }

  /// What brings it into a layer.
  func source() throws -> LayerRecipe.Source {
    var source = LayerRecipe.Source(FilePath(path), at: isAtRoot ? "/" : FilePath(path))
    for (index, rule) in permissions.enumerated() {
      source.rules.append(try Nix2containerLayer.permissions(rule, path, "perms[\(index)] of '\(path)'"))
    }
    return source
  }

  static func escaped(_ path: String) -> String {
    path.map { "\\.+*?()|[]{}^$".contains($0) ? "\\\($0)" : String($0) }.joined()
  }
}

/// The `perms` of a layer: each for one store path.
struct NixPermissions {
  private var byPath: [String: [JSON]] = [:]

  init(_ list: [JSON], _ field: String) throws(OCIError) {
    for (index, rule) in list.enumerated() {
      var fields = try FieldReader(rule, path: "\(field)[\(index)]")
      let path = try fields.required("path") { (fields, name) throws(OCIError) in try fields.string(name) }
      var object = fields.remainder
      if object["regex"] == nil { throw fields.error("regex", "is missing; '.*' is everything") }
      for member in object.members where member.value == .null { object[member.name] = nil }
      byPath[path, default: []].append(.object(object))
    }
  }

  subscript(path: String) -> [JSON] { byPath[path] ?? [] }

  /// Rules for paths that are nowhere, which are mistakes.
  func stray(among paths: Set<String>) -> String? { byPath.keys.sorted(by: byteOrder).first { !paths.contains($0) } }
}

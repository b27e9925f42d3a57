public import LayerGraph
public import OCICore

extension LayerPlan {
  /// Reads a plan: what `json` writes, or a list of lists of store paths, as nix2container's `layersFile` has it.
  ///
  /// The list of lists has no sizes. Layers of such a plan are kept as long as nothing in them changed, and never with
  /// dead paths.
  /// - Parameters:
  ///   - bytes: The document.
  ///   - name: What the document is called in messages, e.g. its file name.
  /// - Throws: `AssemblyError.Code.invalidPlan`, naming the field.
  public init(json bytes: [UInt8], name: String) throws(AssemblyError) {
    do throws(OCIError) { try self.init(JSON(parsing: bytes, valueLimit: .max)) } catch {
      throw AssemblyError(.invalidPlan, "plan '\(name)': \(error.message)")
    }
  }

  init(_ json: JSON) throws(OCIError) {
    if json.arrayValue != nil {
      try self.init(layersOf: json, field: "plan")
    } else {
      var fields = try FieldReader(json, path: "plan")
      guard let layers = try fields.value("layers") else { throw fields.error("layers", "is missing") }
      try self.init(layersOf: layers, field: "plan.layers")
    }
  }

  private init(layersOf json: JSON, field: String) throws(OCIError) {
    guard let list = json.arrayValue else {
      throw OCIError(.invalidDocument, "\(field) must be a list, but it is \(json.kind)")
    }
    var layers: [Layer] = []
    for (index, element) in list.enumerated() {
      let layer = try Layer(json: element, field: "\(field)[\(index)]")
      guard !layer.members.isEmpty else { throw OCIError(.invalidDocument, "\(field)[\(index)] has no store path") }
      layers.append(layer)
    }
    var seen: Set<String> = []
    for (index, layer) in layers.enumerated() {
      for path in layer.paths where !seen.insert(path).inserted {
        throw OCIError(.invalidDocument, "\(field)[\(index)] has '\(path)', as has a layer below it")
      }
    }
    self.init(layers: layers)
  }

  /// The plan as a document: a member `layers`, from the bottom up, and `whiteouts`, what has to be hidden above them.
  public var json: JSON {
    var object = JSON.Object()
    object["layers"] = .array(layers.map(\.json))
    object["whiteouts"] = .strings(whiteouts)
    return .object(object)
  }

  /// The plan as nix2container's `layersFile`: a list of lists of store paths. Dead paths are not in it.
  public var layersFile: JSON { .array(layers.map { .strings($0.paths) }) }
}

extension LayerPlan.Layer {
  /// Reads one layer: a list of store paths, or an object with `paths`, and `dead`, `bytes` and `reason` where they
  /// are known.
  init(json: JSON, field: String) throws(OCIError) {
    if let list = json.arrayValue {
      self.init(paths: try Self.paths(list, field), bytes: 0, reason: "")
      return
    }
    var fields = try FieldReader(json, path: field)
    guard let paths = try fields.value("paths") else { throw fields.error("paths", "is missing") }
    guard let list = paths.arrayValue else { throw fields.error("paths", "must be a list, but it is \(paths.kind)") }
    let dead = try fields.value("dead") ?? .array([])
    guard let departed = dead.arrayValue else { throw fields.error("dead", "must be a list, but it is \(dead.kind)") }
    let bytes = try fields.integer("bytes") ?? 0
    guard bytes >= 0 else { throw fields.error("bytes", "must not be negative, but it is \(bytes)") }
    self.init(
      paths: try Self.paths(list, "\(field).paths"), dead: try Self.paths(departed, "\(field).dead"), bytes: bytes,
      reason: try fields.string("reason") ?? "")
  }

  private static func paths(_ list: [JSON], _ field: String) throws(OCIError) -> [String] {
    var paths: [String] = []
    for (index, element) in list.enumerated() {
      guard let path = element.stringValue, path.hasPrefix("/") else {
        throw OCIError(.invalidDocument, "\(field)[\(index)] must be an absolute path")
      }
      paths.append(path)
    }
    return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  var json: JSON {
    var object = JSON.Object()
    object["paths"] = .strings(paths)
    object["dead"] = .strings(dead)
    object["bytes"] = .integer(bytes)
    object["reason"] = .string(reason)
    return .object(object)
  }
}

public import LayerGraph
public import OCICore
public import SystemPackage

extension FleetPlan {
  /// The plan as a document: `layers`, each once, and `images`, which say by number what they are made of from the
  /// bottom up.
  public var json: JSON {
    var named = JSON.Object()
    for (name, numbers) in images.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      named[name] = .array(numbers.map { .integer($0) })
    }
    return .object([
      "layers": .array(
        layers.map { layer in
          .object(["paths": .strings(layer.paths), "bytes": .integer(layer.bytes), "reason": .string(layer.reason)])
        }),
      "images": .object(named),
    ])
  }

  /// Reads what `json` writes.
  /// - Throws: `AssemblyError`: `invalidPlan` naming the field, `fileUnreadable`.
  public init(jsonFile path: FilePath) throws(AssemblyError) {
    let bytes: [UInt8]
    do { bytes = try FileSystem.contents(of: path) } catch {
      throw AssemblyError(.fileUnreadable, "fleet plan: \(error.message)")
    }
    do throws(OCIError) { try self.init(JSON(parsing: bytes, valueLimit: .max)) } catch {
      throw AssemblyError(.invalidPlan, "fleet plan '\(path)': \(error.message)")
    }
  }

  private init(_ json: JSON) throws(OCIError) {
    var fields = try FieldReader(json, path: "plan")
    guard let list = try fields.value("layers")?.arrayValue else { throw fields.error("layers", "must be a list") }
    guard let named = try fields.value("images")?.objectValue else { throw fields.error("images", "must be an object") }
    var layers: [Layer] = []
    for (index, element) in list.enumerated() {
      let layer = try LayerPlan.Layer(json: element, field: "plan.layers[\(index)]")
      layers.append(Layer(paths: layer.paths, bytes: layer.bytes, reason: layer.reason))
    }
    var images: [String: [Int]] = [:]
    for (name, numbers) in named.members {
      guard let own = numbers.arrayValue else { throw fields.error("images", "'\(name)' must be a list") }
      images[name] = try own.map { (number) throws(OCIError) in
        guard let index = number.integerValue, layers.indices.contains(Int(clamping: index)) else {
          throw fields.error("images", "'\(name)' names a layer that is not there")
        }
        return Int(index)
      }
    }
    self.init(layers: layers, images: images)
  }
}

extension ImageHistory {
  /// A request for the last version of every image, with the history of all of them together.
  /// - Throws: `LayerGraphError`: `contradiction`, `invalidHistory` when there is no image.
  public func fleetRequest(maximumLayers: Int) throws(LayerGraphError) -> FleetRequest {
    guard let newest = versions.values.compactMap({ $0.last?.time }).max() else {
      throw LayerGraphError(.invalidHistory, "the history has no image")
    }
    // An image that the last version no longer has is no longer part of the fleet.
    let current = versions.filter { $0.value.last?.time == newest }
    var request = FleetRequest(
      current.sorted { $0.key < $1.key }.compactMap { name, versions in
        versions.last.map { .init(name: name, graph: $0.graph, maximumLayers: maximumLayers) }
      })
    for time in Set(versions.values.joined().map(\.time)).sorted() {
      let graphs = versions.values.flatMap { $0.filter { $0.time == time }.map(\.graph) }
      request.history.record(try StoreGraph(union: graphs))
    }
    return request
  }
}

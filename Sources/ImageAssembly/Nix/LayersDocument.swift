internal import OCICore
internal import SystemPackage
internal import Tarball

/// Layers as a small file, without the image that they are for: what one Nix derivation hands to the next.
struct LayersDocument {
  private static let schema = "flywheel-layers-1"

  var layers: [AssembledImage.Layer]

  init(layers: [AssembledImage.Layer]) { self.layers = layers }

  func json(in directory: FilePath) throws -> JSON {
    let recipes = RecipeJSON(paths: DescribedPaths(directory: directory))
    let list = try layers.map { layer in
      var object: JSON.Object = [
        "mediaType": .string(layer.descriptor.mediaType.description),
        "layer": try AssembledImage.json(layer, recipes, MetadataPolicy()),
      ]
      if !layer.descriptor.annotations.isEmpty { object["annotations"] = .strings(layer.descriptor.annotations) }
      if let history = layer.content.history { object["history"] = history.json }
      return JSON.object(object)
    }
    return .object(["schema": .string(Self.schema), "layers": .array(list)])
  }

  /// Reads what `NixLayers` wrote into a directory.
  init(directory: FilePath) throws {
    let file = directory.appending(NixLayers.fileName.components)
    do {
      try self.init(
        try JSON(parsing: FileSystem.contents(of: file, limit: ImageDescription.sizeLimit), valueLimit: .max),
        in: directory)
    } catch let error as OCIError {
      let code: AssemblyError.Code = error.code == .ioFailure ? .fileUnreadable : .invalidDescription
      throw AssemblyError(code, "layers '\(file)': \(error.message)")
    }
  }

  private init(_ json: JSON, in directory: FilePath) throws {
    if json.arrayValue != nil {
      throw OCIError(
        .invalidDocument, "these layers are nix2container's; an image of them has to be built with 'compatible = true'")
    }
    var fields = try FieldReader(json, path: "layers")
    guard try fields.string("schema") == Self.schema else {
      throw fields.error("schema", "is not '\(Self.schema)'; build the layers with the version that reads them")
    }
    let recipes = RecipeJSON(paths: DescribedPaths(directory: directory))
    layers = []
    for (index, item) in (try fields.list("layers") ?? []).enumerated() {
      let field = "layers[\(index)]"
      var outer = try FieldReader(item, path: field)
      guard let described = try outer.value("layer") else { throw outer.error("layer", "is missing") }
      let type = try outer.required("mediaType") { (fields, name) throws(OCIError) in try fields.mediaType(name) }
      var inner = try FieldReader(described, path: "\(field).layer")
      let digest = try inner.required("digest") { (fields, name) throws(OCIError) in try fields.digest(name) }
      let diffID = try inner.required("diffID") { (fields, name) throws(OCIError) in try fields.digest(name) }
      let descriptor = Descriptor(
        mediaType: type, digest: digest, size: try inner.integer("size") ?? 0,
        annotations: try outer.stringMap("annotations") ?? [:])
      var layer = try DescriptionReader.layer(
        described, "\(field).layer", descriptor, diffID, recipes, MetadataPolicy())
      layer.content.history = try outer.value("history").map {
        try ImageConfiguration.History($0, path: "\(field).history")
      }
      try outer.requireNothingElse()
      layers.append(layer)
    }
    try fields.requireNothingElse()
  }
}

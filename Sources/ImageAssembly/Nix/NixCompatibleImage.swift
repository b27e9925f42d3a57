internal import OCICore
internal import SystemPackage

/// The `image.json` of nix2container, written from the layers of groups that are compatible.
struct NixCompatibleImage {
  var request: NixImageRequest

  func document() async throws -> JSON {
    var layers: [JSON] = []
    if let base = request.base { layers += try await Self.layers(ofBase: base) }
    for directory in request.groups { layers += try Self.layers(in: directory) }
    var seen: Set<JSON> = []
    layers = layers.filter { layer in layer.objectValue?["digest"].map { seen.insert($0).inserted } ?? true }
    return .object([
      "version": .integer(1), "image-config": request.settings.runtime.json, "layers": .array(layers),
      "arch": .string(request.settings.platform?.architecture ?? "amd64"),
      "created": .string(request.settings.created ?? "0001-01-01T00:00:00Z"),
    ])
  }

  /// The layers of a group.
  static func layers(in directory: FilePath) throws -> [JSON] {
    let file = directory.appending(NixLayers.fileName.components)
    do {
      let json = try JSON(parsing: FileSystem.contents(of: file, limit: ImageDescription.sizeLimit), valueLimit: .max)
      guard let list = json.arrayValue else {
        throw OCIError(
          .invalidDocument, "it is not nix2container's; build these layers with 'compatible = true', like the image")
      }
      return list
    } catch let error as OCIError {
      throw AssemblyError(
        error.code == .ioFailure ? .fileUnreadable : .invalidDescription, "layers '\(file)': \(error.message)")
    }
  }

  /// The layers of an image below: those of another `image.json`, or the files that were pulled. Its configuration is left
  /// out, as nix2container leaves it out.
  private static func layers(ofBase path: FilePath) async throws -> [JSON] {
    if try FileSystem.kind(of: FileSystem.resolvingSymlinks(path)) != .directory {
      let json = try JSON(parsing: FileSystem.contents(of: path, limit: ImageDescription.sizeLimit), valueLimit: .max)
      guard json.objectValue?["image-config"] != nil else {
        throw AssemblyError(
          .invalidDescription, "'\(path)' is not nix2container's; build it with 'compatible = true', like this image")
      }
      return json.objectValue?["layers"]?.arrayValue ?? []
    }
    let image = try await NixBase.image(path, reference: "", platform: nil)
    return zip(image.layers.descriptors, image.layers.diffIDs).map { descriptor, diffID in
      .object([
        "digest": .string(descriptor.digest.description), "diff_ids": .string(diffID.description),
        "size": .integer(descriptor.size), "mediatype": .string(descriptor.mediaType.description),
        "layer-path": .string(FileSystem.resolvingSymlinks(path.appending(descriptor.digest.hex)).string),
        "History": .object([:]),
      ])
    }
  }
}

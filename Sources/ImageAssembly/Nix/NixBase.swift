internal import OCICore
internal import SystemPackage

/// Images below, as Nix expressions give them: what `pullImage` made, or the description of another image.
enum NixBase {
  private static let prefix = "dir:"

  /// The description, if it is one.
  static func description(_ path: FilePath) throws -> AssembledImage? {
    if try FileSystem.kind(of: FileSystem.resolvingSymlinks(path)) == .directory { return nil }
    return try AssembledImage(descriptionFile: path) { name, _ in try store(named: name) }
  }

  /// The image.
  static func image(_ path: FilePath, reference: String, platform: Platform?) async throws -> BaseImage {
    var image: BaseImage
    if let described = try description(path) {
      image = try await BaseImage(
        described.descriptor, in: described.content(), name: path.string, platform: platform)
    } else {
      let store = ImageDirectory(path)
      guard let root = try await store.image() else {
        throw OCIError(.notFound, "'\(path)' holds no image; give what pullImage or buildImage makes")
      }
      image = try await BaseImage(root, in: store, name: prefix + path.string, platform: platform)
    }
    image.reference = reference
    return image
  }

  /// Finds the base of a description again.
  static func store(named name: String) throws -> any ContentStore {
    if name.hasPrefix(prefix) {
      return ImageDirectory(FilePath(String(name.dropFirst(prefix.count))))
    }
    guard let image = try description(FilePath(name)) else {
      throw OCIError(.notFound, "'\(name)' is no base that a derivation can reach; pull it with pullImage")
    }
    return image.content()
  }
}

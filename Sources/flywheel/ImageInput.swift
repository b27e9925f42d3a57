import ImageAssembly
import OCICore
import Registry
import SystemPackage
import Tarball

/// An image that a verb is given: a description, or a place that has it.
enum ImageInput {
  case description(FilePath)
  case place(Location)

  static let help =
    "A description (image.json, also nix2container's), or docker://HOST/REPOSITORY:TAG, oci:DIR:TAG, oci-archive:FILE:TAG, dir:DIR."

  init(_ text: String) throws {
    try Location.requirePlace(text)
    self = Location.isPlace(text) ? .place(try Location(text)) : .description(FilePath(text))
    guard case .description(let path) = self, !FileSystem.exists(path), text.contains("/"),
      let reference = try? ImageReference(text, defaultHost: nil)
    else { return }
    throw AssemblyError(
      .fileUnreadable, "there is no file '\(text)'; for an image in a registry write docker://\(reference)")
  }

  var isRegistry: Bool { if case .place(let location) = self { location.isRegistry } else { false } }

  /// Reads it; of layers nothing.
  /// - Parameter substitute: Gives what of its sources is not on this machine.
  func open(
    _ client: RegistryClient, platform: Platform? = nil, substitute: (any TreeSubstitute)? = nil
  ) async throws -> Deliverable {
    switch self {
    case .description(let path):
      if try AssembledIndex.isDescribed(by: path) {
        let index = try AssembledIndex(
          descriptionFile: path, cache: Environment.digestCache(), base: Self.baseFinder(client, substitute)
        ).substituting(substitute)
        return try platform.map { .image(try Self.image(for: $0, of: index, path)) } ?? .index(index)
      }
      var image = try AssembledImage(
        descriptionFile: path, cache: Environment.digestCache(), base: Self.baseFinder(client, substitute))
      image.substitute = substitute
      return .image(image)
    case .place(let location):
      let store = try location.store(client)
      return .content(try await location.root(in: store, platform: platform), store)
    }
  }

  /// A base is a place, or another description.
  private static func baseFinder(
    _ client: RegistryClient, _ substitute: (any TreeSubstitute)?
  ) -> BaseFinder {
    { name, _ in
      if Location.isPlace(name) { return try Location(name).store(client) }
      var image = try AssembledImage(
        descriptionFile: FilePath(name), cache: Environment.digestCache(), base: baseFinder(client, substitute))
      image.substitute = substitute
      return image.content()
    }
  }

  private static func image(
    for platform: Platform, of index: AssembledIndex, _ path: FilePath
  ) throws -> AssembledImage {
    guard let image = index.images.first(where: { platform.matches($0.configuration.platform) }) else {
      let has = index.images.map { "\($0.configuration.platform)" }.joined(separator: ", ")
      throw OCIError(.notFound, "'\(path)' has nothing for \(platform); it has \(has)")
    }
    return image
  }

  /// The description itself, before there is a client, to know whether one is needed.
  static func descriptions(_ texts: [String]) throws -> [AssembledImage] {
    try texts.flatMap { text -> [AssembledImage] in
      guard case .description(let path) = try ImageInput(text) else { return [] }
      if try AssembledIndex.isDescribed(by: path) { return try AssembledIndex(descriptionFile: path).images }
      return [try AssembledImage(descriptionFile: path)]
    }
  }
}

extension Deliverable {
  /// What is in it.
  func contents(platform: Platform? = nil) async throws -> ImageContents {
    switch self {
    case .image(let image): try await image.contents()
    case .index(let index): try await index.images[0].contents()
    case .content(let root, let store): try await ImageContents(root, in: store, cache: Environment.digestCache())
    }
  }
}

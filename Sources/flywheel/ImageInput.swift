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
    "A description (image.json, also nix2container's), or docker://HOST/REPOSITORY:TAG, oci:DIR:TAG, oci-archive:FILE:TAG."

  init(_ text: String) throws {
    let isPlace = ["docker://", "oci:", "oci-archive:"].contains { text.hasPrefix($0) }
    self = isPlace ? .place(try Location(text)) : .description(FilePath(text))
  }

  var isRegistry: Bool { if case .place(let location) = self { location.isRegistry } else { false } }

  /// Reads it; of layers nothing.
  /// - Parameter substitute: Gives what of its sources is not on this machine.
  func open(
    _ client: RegistryClient, platform: Platform? = nil, substitute: (any TreeSubstitute)? = nil
  ) async throws -> Deliverable {
    switch self {
    case .description(let path):
      var image = try AssembledImage(
        descriptionFile: path, cache: Environment.digestCache(), base: { name, _ in try Location(name).store(client) })
      image.substitute = substitute
      return .image(image)
    case .place(let location):
      let store = try location.store(client)
      return .content(try await location.root(in: store, platform: platform), store)
    }
  }

  /// The description itself, before there is a client, to know whether one is needed.
  static func descriptions(_ texts: [String]) throws -> [AssembledImage] {
    try texts.compactMap { text in
      guard case .description(let path) = try ImageInput(text) else { return nil }
      return try AssembledImage(descriptionFile: path)
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

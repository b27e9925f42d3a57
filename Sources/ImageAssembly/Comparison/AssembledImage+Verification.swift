internal import OCICore
public import Tarball

/// What became of a layer that was made again and compared.
public struct LayerVerdict: Sendable {
  /// Its place among the image's own layers, from 1.
  public let number: Int
  /// The layer.
  public let layer: AssembledImage.Layer
  /// What it is now.
  public let digests: LayerDigests
  /// Which files differ, where it is known what they were.
  public let changes: [LayerListing.Change]?

  /// Whether it is what it was.
  public var isSame: Bool { digests.diffID == layer.diffID && digests.digest == layer.descriptor.digest }
}

extension AssembledImage {
  /// Makes every layer of its own again from its sources, trusting nothing that was remembered, and compares.
  /// - Throws: `TarballError` for sources that are gone or cannot be read.
  public func verify(
    onProgress: @escaping @Sendable (AssemblyProgress) -> Void = { _ in }
  ) async throws -> [LayerVerdict] {
    let width = min(4, max(1, layers.count))
    return try await layers.enumerated().concurrentMap(width: width) { [self] index, layer in
      onProgress(.digesting(layer: index + 1, of: layers.count, paths: layer.content.storePaths.count))
      let (digests, listing): (LayerDigests, LayerListing)
      if let file = layer.content.blobFile {
        digests = try await BlobFile(file).digests()
        listing = try await Archive(file: file).listing()
      } else {
        (digests, listing) = try await layer.content.recipe.digestsAndListing(
          encoding: layer.encoding, parallelism: .sharing(width), substitute: substitute
        ) { onProgress(.hashed(layer: index + 1, of: layers.count, bytes: $0)) }
      }
      let before = digests.diffID == layer.diffID ? nil : cache?.listing(of: layer.diffID)
      return LayerVerdict(
        number: index + 1, layer: layer, digests: digests, changes: before.map { listing.changes(since: $0) })
    }
  }
}

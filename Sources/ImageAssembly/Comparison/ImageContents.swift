public import OCICore
internal import SystemPackage
public import Tarball

/// What is in an image, layer by layer and as one tree: what two images are compared by.
public struct ImageContents: Sendable {
  /// A layer.
  public struct Layer: Sendable, Hashable {
    /// The digest of its tar; `nil` where it is not known.
    public var diffID: Digest?
    /// What it holds.
    public var listing: LayerListing

    /// Creates a layer.
    public init(diffID: Digest?, listing: LayerListing) {
      self.diffID = diffID
      self.listing = listing
    }
  }

  /// The layers, from the bottom up.
  public let layers: [Layer]
  /// What they give together.
  public let tree: MergedTree
  /// The configuration; `nil` where there are layers alone.
  public let configuration: ImageConfiguration?
  /// Annotations of the manifest.
  public let annotations: [String: String]

  /// Puts layers together.
  /// - Throws: `TarballError` for layers that cannot be merged.
  public init(
    layers: [Layer], configuration: ImageConfiguration? = nil, annotations: [String: String] = [:]
  ) throws(TarballError) {
    self.layers = layers
    self.configuration = configuration
    self.annotations = annotations
    var tree = MergedTree()
    for layer in layers { try tree.apply(layer.listing) }
    self.tree = tree
  }

  /// Reads an image's layers from a store, those that the cache does not know.
  /// - Throws: The store's errors, `TarballError`.
  public init(
    _ image: Descriptor, in store: some ContentStore, cache: LayerDigestCache? = nil
  ) async throws {
    guard case .manifest(let manifest) = try await store.manifest(image).manifest else {
      throw OCIError(.invalidDocument, "\(image.digest) is an index; choose one of its images by platform")
    }
    let configuration = try await Document<ImageConfiguration>(fetching: manifest.config, from: store).value
    let diffIDs = configuration.diffIDs
    guard diffIDs.count == manifest.layers.count else {
      throw OCIError(.invalidDocument, "\(image.digest) has other layers than its configuration tells of")
    }
    let layers = try await zip(manifest.layers, diffIDs).map { ($0, $1) }.concurrentMap(width: 3) { layer, diffID in
      // What the image says of its layers is believed only where we have made that very blob ourselves.
      if layer.digest == diffID || cache?.diffID(ofBlob: layer.digest) == diffID, let known = cache?.listing(of: diffID)
      {
        return Layer(diffID: diffID, listing: known)
      }
      let verified = BlobSource { try await store.fetch(layer) }
      return Layer(diffID: diffID, listing: try await Archive(verified).listing())
    }
    try self.init(layers: layers, configuration: configuration, annotations: manifest.annotations)
  }
}

extension AssembledImage {
  /// What is in the image: its layers as they were when their digests were computed, where the cache knows, else as they are
  /// now.
  /// - Throws: `TarballError`; what the base's store throws.
  public func contents() async throws -> ImageContents {
    var layers: [ImageContents.Layer] = []
    for (descriptor, diffID) in zip(base?.descriptors ?? [], base?.diffIDs ?? []) {
      if let known = cache?.listing(of: diffID) {
        layers.append(.init(diffID: diffID, listing: known))
      } else if let base {
        let store = try await base.store()
        let verified = BlobSource { try await store.fetch(descriptor) }
        layers.append(.init(diffID: diffID, listing: try await Archive(verified).listing()))
      }
    }
    for layer in self.layers {
      let listing =
        if let known = cache?.listing(of: layer.diffID) { known } else {
          try await layer.content.recipe.digestsAndListing(encoding: .none, substitute: substitute).listing
        }
      layers.append(.init(diffID: layer.diffID, listing: listing))
    }
    return try ImageContents(layers: layers, configuration: configuration, annotations: manifest.annotations)
  }
}

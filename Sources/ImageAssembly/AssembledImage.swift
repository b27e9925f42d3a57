internal import LayerGraph
public import OCICore
public import Tarball

/// An image whose every digest is known, and whose layers can be produced wherever a destination lacks them.
public struct AssembledImage: Sendable {
  /// A layer: what it is called, what it is made of.
  public struct Layer: Sendable, Hashable {
    /// The bytes as pushed.
    public var descriptor: Descriptor
    /// The digest of the uncompressed tar.
    public var diffID: Digest
    /// The length of the uncompressed tar, in bytes.
    public var uncompressedSize: Int64
    /// What gives its bytes.
    public var content: LayerContent
  }

  /// The layers, from the bottom up.
  public let layers: [Layer]
  /// How they are compressed.
  public let encoding: LayerEncoding
  /// The configuration.
  public let configuration: ImageConfiguration
  /// The configuration's bytes.
  public let configurationBytes: [UInt8]
  /// The manifest.
  public let manifest: ImageManifest
  /// The manifest's bytes.
  public let manifestBytes: [UInt8]
  /// The manifest's descriptor: its digest is the image's.
  public let descriptor: Descriptor
  let cache: LayerDigestCache?

  /// Writes configuration and manifest over layers.
  init(
    contents: [(content: LayerContent, digests: LayerDigests)], encoding: LayerEncoding, settings: ImageSettings,
    platform: Platform, cache: LayerDigestCache?
  ) {
    var annotations = LayerPlan(layers: contents.compactMap(\.content.planned)).annotations()[...]
    layers = contents.map { content, digests in
      let annotation = content.planned == nil ? nil : annotations.popFirst() ?? nil
      return Layer(
        descriptor: Descriptor(
          mediaType: encoding.mediaType, digest: digests.digest, size: digests.size,
          annotations: annotation.map { [LayerPlan.layerAnnotation: $0] } ?? [:]),
        diffID: digests.diffID, uncompressedSize: digests.uncompressedSize, content: content)
    }
    let created = settings.created ?? Timestamp.text(1)
    var configuration = ImageConfiguration(
      platform: platform, runtime: settings.runtime, diffIDs: layers.map(\.diffID),
      history: layers.map { layer in
        .init(created: created, createdBy: "flywheel", comment: layer.content.summary)
      }, created: created, author: settings.author)
    configuration.other = settings.other
    self.encoding = encoding
    self.configuration = configuration
    self.cache = cache
    configurationBytes = configuration.canonicalBytes
    manifest = ImageManifest(
      config: Descriptor(mediaType: .imageConfiguration, describing: configurationBytes),
      layers: layers.map(\.descriptor), annotations: settings.annotations)
    manifestBytes = manifest.canonicalBytes
    descriptor = Descriptor(mediaType: .imageManifest, describing: manifestBytes)
  }
}

extension LayerContent {
  /// A few words for the image's history.
  var summary: String {
    switch storePaths.count {
    case 0: "root"
    case 1: storePaths[0]
    default: "\(storePaths.count) store paths"
    }
  }
}

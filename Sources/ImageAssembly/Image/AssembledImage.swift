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
    /// How it is compressed.
    public var encoding: LayerEncoding

    init(
      _ descriptor: Descriptor, diffID: Digest, uncompressedSize: Int64, _ content: LayerContent,
      encoding: LayerEncoding
    ) {
      self.descriptor = descriptor
      self.diffID = diffID
      self.uncompressedSize = uncompressedSize
      self.content = content
      self.encoding = encoding
    }

    init(_ content: LayerContent, _ digests: LayerDigests, encoding: LayerEncoding) {
      self.encoding = content.encoding ?? encoding
      self.content = content
      diffID = digests.diffID
      uncompressedSize = digests.uncompressedSize
      descriptor = Descriptor(
        mediaType: content.blobType ?? self.encoding.mediaType, digest: digests.digest, size: digests.size,
        annotations: content.annotations)
    }
  }

  /// The layers of its own, from the bottom up; those of the base lie below them.
  public let layers: [Layer]
  /// The image that they lie on.
  public let base: BaseLayers?
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
  /// Gives sources of layers that are not on this machine, such as a binary cache.
  public var substitute: (any TreeSubstitute)?

  /// Writes configuration and manifest over layers.
  init(
    _ made: [Layer], base: BaseImage?, settings: ImageSettings, merge: ConfigurationMerge, platform: Platform,
    cache: LayerDigestCache?
  ) throws(OCIError) {
    let layers = Self.annotated(made)
    let created = settings.created ?? Timestamp.text(1)
    var own = ImageConfiguration(
      platform: platform, runtime: settings.runtime, diffIDs: layers.map(\.diffID),
      history: layers.map { layer in
        layer.content.history
          ?? .init(created: created, createdBy: "flywheel", comment: layer.content.summary)
      }, created: created, author: settings.author)
    own.other = settings.other
    let configuration = if let base { try own.merged(onto: base.configuration, merge) } else { own }
    var annotations = base?.annotations ?? [:]
    annotations.merge(settings.annotations) { $1 }
    let bytes = configuration.canonicalBytes
    let manifest = ImageManifest(
      config: Descriptor(mediaType: .imageConfiguration, describing: bytes),
      layers: (base?.layers.descriptors ?? []) + layers.map(\.descriptor), annotations: annotations)
    self.init(
      layers: layers, base: base?.layers, configuration: configuration, configurationBytes: bytes, manifest: manifest,
      manifestBytes: manifest.canonicalBytes, cache: cache)
  }

  /// Takes up what was written before.
  init(
    layers: [Layer], base: BaseLayers?, configuration: ImageConfiguration, configurationBytes: [UInt8],
    manifest: ImageManifest, manifestBytes: [UInt8], cache: LayerDigestCache?
  ) {
    self.layers = layers
    self.base = base
    self.configuration = configuration
    self.configurationBytes = configurationBytes
    self.manifest = manifest
    self.manifestBytes = manifestBytes
    self.cache = cache
    descriptor = Descriptor(mediaType: manifest.mediaType, describing: manifestBytes)
  }

  /// Writes the plan into the layers' annotations.
  private static func annotated(_ layers: [Layer]) -> [Layer] {
    var texts = LayerPlan(layers: layers.compactMap(\.content.planned)).annotations()[...]
    return layers.map { layer in
      var layer = layer
      if layer.content.planned != nil, let text = texts.popFirst() ?? nil {
        layer.descriptor.annotations[LayerPlan.layerAnnotation] = text
      }
      return layer
    }
  }
}

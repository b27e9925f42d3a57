/// What stands behind the descriptor of a manifest: an image manifest or an index of manifests.
public enum AnyManifest: Sendable, Hashable {
  /// A manifest: a config and layers.
  case manifest(ImageManifest)
  /// An index: further manifests.
  case index(ImageIndex)

  /// How deep indexes may be nested. Real images have two levels, an index of a layout three.
  public static let maximumDepth = 8

  /// Parses what a descriptor is about.
  /// - Throws: `OCIError`: `invalidJSON`, `limitExceeded`, or `invalidDocument`, also where the document says that it is of
  ///   another type than its descriptor, or the type is no manifest's.
  public init(parsing bytes: [UInt8], as mediaType: MediaType, limit: Int = ImageManifest.sizeLimit) throws(OCIError) {
    if mediaType.isIndex {
      self = .index(try ImageIndex(parsing: bytes, limit: limit))
    } else if mediaType.isManifest {
      self = .manifest(try ImageManifest(parsing: bytes, limit: limit))
    } else {
      throw OCIError(.invalidDocument, "'\(mediaType)' is no manifest's type")
    }
    guard self.mediaType == mediaType else {
      throw OCIError(
        .invalidDocument,
        "the document says that it is of type '\(self.mediaType)', but its descriptor says '\(mediaType)'")
    }
  }

  /// The document's own media type.
  public var mediaType: MediaType {
    switch self {
    case .manifest(let manifest): manifest.mediaType
    case .index(let index): index.mediaType
    }
  }

  /// What it needs beside itself: the config and the layers, or the manifests. The subject is not needed.
  public var children: [Descriptor] {
    switch self {
    case .manifest(let manifest): manifest.blobs
    case .index(let index): index.manifests
    }
  }

  /// What it is about, where it is an artifact about another manifest.
  public var subject: Descriptor? {
    switch self {
    case .manifest(let manifest): manifest.subject
    case .index(let index): index.subject
    }
  }

  /// A descriptor of the document as the referrers API gives it (distribution-spec, §Listing Referrers).
  package func referrer(_ descriptor: Descriptor) -> Descriptor {
    var result = Descriptor(mediaType: mediaType, digest: descriptor.digest, size: descriptor.size)
    switch self {
    case .manifest(let manifest):
      result.artifactType = manifest.effectiveArtifactType
      result.annotations = manifest.annotations
    case .index(let index):
      result.artifactType = index.artifactType
      result.annotations = index.annotations
    }
    return result
  }
}

extension Descriptor {
  /// Whether the content is somewhere else, so that a store which lacks it is complete all the same: a layer that may not
  /// be distributed, with an address.
  public var isElsewhere: Bool { mediaType.isForeignLayer && !urls.isEmpty }
}

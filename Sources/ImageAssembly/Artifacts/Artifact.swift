public import OCICore
public import SystemPackage

/// Files beside images: a manifest whose layers are files as they are (image-spec, manifest.md §Guidelines for Artifact Usage), perhaps
/// about another manifest.
public struct Artifact: Sendable {
  /// A file of an artifact.
  public struct File: Sendable {
    /// The file's bytes.
    public var descriptor: Descriptor
    fileprivate var source: BlobSource

    /// A file at hand.
    /// - Parameters:
    ///   - bytes: Its content.
    ///   - name: Its name, written as a title.
    ///   - type: The content's media type.
    public init(_ bytes: [UInt8], name: String, type: MediaType) {
      descriptor = Descriptor(mediaType: type, describing: bytes)
      descriptor.annotations[AnnotationKey.title] = name
      source = BlobSource(bytes)
    }

    /// A file of the host, read once for its digest and again where it has to be sent.
    /// - Throws: `OCIError.Code.ioFailure`.
    public init(_ path: FilePath, name: String? = nil, type: MediaType) async throws {
      let file = BlobFile(path)
      let (digest, size) = try await file.digest()
      descriptor = Descriptor(mediaType: type, digest: digest, size: size)
      descriptor.annotations[AnnotationKey.title] = name ?? path.lastComponent?.string ?? path.string
      source = file.source
    }
  }

  /// The manifest.
  public let manifest: ImageManifest
  /// The manifest's bytes.
  public let manifestBytes: [UInt8]
  /// The manifest's descriptor.
  public let descriptor: Descriptor
  private let files: [File]

  /// Puts files together.
  /// - Parameters:
  ///   - files: The files, each a layer, in this order.
  ///   - type: What kind of artifact it is.
  ///   - subject: The manifest that it is about, if any.
  ///   - annotations: Annotations of the manifest.
  public init(_ files: [File], type: MediaType, subject: Descriptor? = nil, annotations: [String: String] = [:]) {
    var about = subject
    about?.annotations = [:]
    about?.platform = nil
    self.files = files
    // Without files there is still one layer, because some registries insist on it.
    manifest = ImageManifest(
      artifactType: type, config: .empty, layers: files.isEmpty ? [.empty] : files.map(\.descriptor), subject: about,
      annotations: annotations)
    manifestBytes = manifest.canonicalBytes
    descriptor = Descriptor(mediaType: .imageManifest, describing: manifestBytes)
  }

  /// What it consists of, as a store to copy from.
  public var content: some ContentStore { ArtifactContent(self) }

  private struct ArtifactContent: ContentStore {
    private let sources: [Digest: BlobSource]

    init(_ artifact: Artifact) {
      var sources = Dictionary(
        artifact.files.map { ($0.descriptor.digest, $0.source) }, uniquingKeysWith: { first, _ in first })
      sources[artifact.descriptor.digest] = BlobSource(artifact.manifestBytes)
      sources[Descriptor.empty.digest] = BlobSource(Array("{}".utf8))
      self.sources = sources
    }

    func exists(_ descriptor: Descriptor) -> Bool { sources[descriptor.digest] != nil }

    func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
      guard let source = sources[descriptor.digest] else {
        throw OCIError(.notFound, "\(descriptor.digest) is no part of the artifact")
      }
      return try await source.open().verified(as: descriptor)
    }

    func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
      throw OCIError(.invalidDocument, "an artifact takes no content; make another")
    }
  }
}

internal import Synchronization
public import SystemPackage

/// An OCI image layout in a directory (image-spec, image-layout.md).
///
/// Every file appears by rename after it is on the disk, `index.json` after the blobs it needs, so the layout is valid at
/// every moment. The directory is created by the first write. A store object is one write session: `rollBack` takes back
/// what it wrote since its last `publish`; `writer` gives a session of its own to each push.
public final class ImageLayoutStore: TagStore {
  /// The layout's directory.
  public let path: FilePath
  let session = Mutex(Session())

  struct Session {
    /// Held while blobs wait for their manifest, so that another process's roll-back leaves them alone.
    var lock: OpenFile?
    var firstIndex: ImageIndex?
    var newBlobs: [FilePath] = []
    var newDirectories: [FilePath] = []
  }

  /// Creates a store over a directory, which need not exist yet.
  public init(_ path: FilePath) { self.path = path }

  /// The same layout with a write session of its own.
  public func writer() -> ImageLayoutStore { ImageLayoutStore(path) }

  var indexPath: FilePath { path.appending("index.json") }
  var markerPath: FilePath { path.appending("oci-layout") }
  var blobsPath: FilePath { path.appending("blobs") }

  func blobPath(_ digest: Digest) -> FilePath {
    blobsPath.appending(digest.algorithm.name).appending(digest.hex)
  }

  // MARK: Reading

  /// Whether the layout has a blob of this digest and size.
  public func exists(_ descriptor: Descriptor) async throws -> Bool {
    let path = blobPath(descriptor.digest)
    return try await IOExecutor.run { try FileSystem.fileSize(path) == descriptor.size }
  }

  /// Reads a blob, verified while it is read.
  public func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
    let path = blobPath(descriptor.digest)
    let layout = self.path
    let file = try await IOExecutor.run {
      guard try FileSystem.fileSize(path) != nil else {
        throw OCIError(.notFound, "image layout '\(layout)' has no blob \(descriptor.digest)")
      }
      return try OpenFile.reading(path)
    }
    return ByteStream(reading: file).verified(as: descriptor)
  }

  /// The manifest whose `org.opencontainers.image.ref.name` is the tag; `nil` also where blobs of it are missing, so that
  /// a damaged layout is mended by the next push.
  public func resolve(_ tag: String) async throws -> Descriptor? {
    try await IOExecutor.run { [self] in
      let named = try readIndex()?.manifests.first { $0.annotations[AnnotationKey.referenceName] == tag }
      guard var manifest = named, try firstMissing(of: manifest) == nil else { return nil }
      manifest.annotations[AnnotationKey.referenceName] = nil
      return manifest
    }
  }

  /// The layout's index; `nil` where there is no layout yet.
  /// - Throws: `OCIError`, naming the file.
  public func index() async throws -> ImageIndex? {
    try await IOExecutor.run { [self] in try readIndex() }
  }

  func readIndex() throws(OCIError) -> ImageIndex? {
    guard try FileSystem.fileSize(indexPath) != nil else { return nil }
    let bytes = try FileSystem.contents(of: indexPath, limit: 64 << 20)
    do { return try ImageIndex(parsing: bytes) } catch {
      throw OCIError(error.code, "'\(indexPath)': \(error.message)")
    }
  }

  /// The first blob that a manifest or index needs, itself included, and the layout lacks.
  func firstMissing(of descriptor: Descriptor, depth: Int = 0) throws(OCIError) -> Descriptor? {
    let path = blobPath(descriptor.digest)
    guard try FileSystem.fileSize(path) == descriptor.size else { return descriptor }
    guard descriptor.mediaType.isManifest, depth < 8 else { return nil }
    let bytes = try FileSystem.contents(of: path, limit: 64 << 20)
    if descriptor.mediaType.isIndex {
      for child in try ImageIndex(parsing: bytes).manifests {
        if let missing = try firstMissing(of: child, depth: depth + 1) { return missing }
      }
      return nil
    }
    let manifest = try ImageManifest(parsing: bytes)
    for blob in [manifest.config] + manifest.layers where try FileSystem.fileSize(blobPath(blob.digest)) != blob.size {
      return blob
    }
    return nil
  }

  private static let nameSeparators = Array("-._:@+".utf8)

  /// Checks a name inside a layout: components joined by `/`, each of letters, digits and `-._:@+`, beginning with a letter,
  /// a digit or an underscore. This takes in every name of the spec's grammar (annotations.md
  /// §`org.opencontainers.image.ref.name`) and every `repository:tag`.
  /// - Throws: `OCIError.Code.invalidReference`.
  public static func validate(name: String) throws(OCIError) {
    let isValid = name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { component in
      guard let first = component.utf8.first else { return false }
      return (isAlphanumeric(first) || first == UInt8(ascii: "_"))
        && component.utf8.allSatisfy { isAlphanumeric($0) || Self.nameSeparators.contains($0) }
    }
    guard isValid else {
      throw OCIError(
        .invalidReference,
        "'\(name)' cannot name an image in a layout: use letters and digits, with '-._:@+' or '/' between them")
    }
  }
}

extension ByteStream {
  /// Reads an open file on the threads for blocking work.
  package init(reading file: OpenFile) {
    self.init {
      let chunk = try await IOExecutor.run { try file.read(upTo: 1 << 20) }
      return chunk.isEmpty ? nil : chunk
    }
  }
}

extension BlobSource {
  /// Creates a source that reads a file.
  public init(file path: FilePath) {
    self.init { ByteStream(reading: try await IOExecutor.run { try OpenFile.reading(path) }) }
  }
}

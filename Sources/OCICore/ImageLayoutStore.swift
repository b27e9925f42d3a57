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

  // MARK: Reading

  /// Whether the layout has a blob of this digest and size.
  public func exists(_ descriptor: Descriptor) async throws -> Bool {
    try await IOExecutor.run { [self] in try has(descriptor) }
  }

  /// Reads a blob, verified while it is read.
  public func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
    let file = try await IOExecutor.run { [self] in try openBlob(descriptor.digest) }
    return ByteStream(reading: file).verified(as: descriptor)
  }

  /// The blob's file, read from any byte on and not verified.
  public func source(of descriptor: Descriptor) -> BlobSource {
    BlobSource { [self] offset in
      let file = try await IOExecutor.run { [self] in
        let file = try openBlob(descriptor.digest)
        if offset > 0 { try file.seek(to: offset) }
        return file
      }
      return ByteStream(reading: file)
    }
  }

  /// The manifest whose `org.opencontainers.image.ref.name` is the tag; `nil` also where blobs of it are missing, so that
  /// a damaged layout is mended by the next push.
  public func resolve(_ tag: String) async throws -> Descriptor? {
    try await IOExecutor.run { [self] in
      guard var manifest = try readIndex()?.manifest(named: tag), try firstMissing(of: manifest) == nil else {
        return nil
      }
      manifest.annotations[AnnotationKey.referenceName] = nil
      return manifest
    }
  }

  /// The layout's index; `nil` where there is no layout yet.
  /// - Throws: `OCIError`, naming the file.
  public func index() async throws -> ImageIndex? {
    try await IOExecutor.run { [self] in try readIndex() }
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
    self.init(file: FileContent(file: file)) {
      let chunk = try await IOExecutor.run { try file.read(upTo: 1 << 20) }
      return chunk.isEmpty ? nil : chunk
    }
  }
}

extension BlobSource {
  /// Creates a source that reads a file.
  public init(file path: FilePath) {
    self.init { offset in
      let file = try await IOExecutor.run {
        let file = try OpenFile.reading(path)
        if offset > 0 { try file.seek(to: offset) }
        return file
      }
      return ByteStream(reading: file)
    }
  }
}

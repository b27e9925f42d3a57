internal import Synchronization
public import SystemPackage

/// An OCI image layout in a directory (image-spec, image-layout.md).
///
/// Every file appears by rename after it is on the disk, `index.json` last, so the layout is valid at every moment. The
/// directory is created by the first write; a failed write session takes back what it created.
public final class ImageLayoutStore: TagStore {
  /// The layout's directory.
  public let path: FilePath
  private let session = Mutex(Session())

  private struct Session {
    /// Held while blobs wait for their manifest, so that another process's roll-back leaves them alone.
    var lock: OpenFile?
    var firstIndex: ImageIndex?
    var newBlobs: [FilePath] = []
    var newDirectories: [FilePath] = []
  }

  /// Creates a store over a directory, which need not exist yet.
  public init(_ path: FilePath) { self.path = path }

  private var indexPath: FilePath { path.appending("index.json") }
  private var markerPath: FilePath { path.appending("oci-layout") }

  private func blobPath(_ digest: Digest) -> FilePath {
    path.appending("blobs").appending(digest.algorithm.rawValue).appending(digest.hex)
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

  /// The manifest whose `org.opencontainers.image.ref.name` is the tag.
  public func resolve(_ tag: String) async throws -> Descriptor? {
    try await IOExecutor.run { [self] in
      try readIndex()?.manifests.first { $0.annotations[ImageIndex.referenceName] == tag }
        .map(Self.withoutName)
    }
  }

  /// The layout's index; `nil` where there is no layout yet.
  /// - Throws: `OCIError`, naming the file.
  public func index() async throws -> ImageIndex? {
    try await IOExecutor.run { [self] in try readIndex() }
  }

  private func readIndex() throws(OCIError) -> ImageIndex? {
    guard try FileSystem.fileSize(indexPath) != nil else { return nil }
    let bytes = try FileSystem.contents(of: indexPath, limit: 64 << 20)
    do { return try ImageIndex(parsing: bytes) } catch {
      throw OCIError(error.code, "'\(indexPath)': \(error.message)")
    }
  }

  private static func withoutName(_ descriptor: Descriptor) -> Descriptor {
    var descriptor = descriptor
    descriptor.annotations[ImageIndex.referenceName] = nil
    return descriptor
  }

  // MARK: Writing

  /// Writes a blob beside its place, verifies it, waits for the disk, and renames it.
  public func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
    try await IOExecutor.run { [self] in
      try prepare()
      let target = blobPath(descriptor.digest)
      try FileSystem.createDirectory(target.removingLastComponent())
      let temporary = FileSystem.temporarySibling(of: target)
      do {
        let file = try OpenFile.creating(temporary)
        for try await chunk in try await source.open().verified(as: descriptor) {
          try file.write(chunk.span)
        }
        try file.synchronize()
        try FileSystem.rename(temporary, to: target)
      } catch {
        FileSystem.removeFile(temporary)
        throw error
      }
      session.withLock { $0.newBlobs.append(target) }
    }
  }

  /// A path in the layout for a file that `adopt` may take in.
  package func uploadPath() async throws -> FilePath {
    try await IOExecutor.run { [self] in
      try prepare()
      return FileSystem.temporarySibling(of: path.appending("blobs").appending("sha256").appending("upload"))
    }
  }

  /// Takes in a file at `uploadPath` whose content the caller has verified.
  package func adopt(_ file: FilePath, as descriptor: Descriptor) async throws {
    try await IOExecutor.run { [self] in
      try prepare()
      let target = blobPath(descriptor.digest)
      try FileSystem.createDirectory(target.removingLastComponent())
      try OpenFile.reading(file).synchronize()
      try FileSystem.rename(file, to: target)
      session.withLock { $0.newBlobs.append(target) }
    }
  }

  /// Writes a manifest whose blobs are there and enters it, under each tag, into `index.json`.
  public func publish(_ manifest: Descriptor, bytes: [UInt8], tags: [String]) async throws {
    for tag in tags { try Self.validate(name: tag) }
    if try await !exists(manifest) { try await push(manifest, from: BlobSource(bytes)) }
    try await IOExecutor.run { [self] in
      try prepare()
      try OpenFile.reading(path.appending("blobs").appending(manifest.digest.algorithm.rawValue)).synchronize()
      // Two processes may publish into one layout: the second must see the first one's index.
      let blobs = try OpenFile.reading(path.appending("blobs"))
      try blobs.lock(exclusive: true)
      try requireBlobs(of: manifest, bytes)
      if !FileSystem.exists(markerPath) {
        try FileSystem.replace(markerPath, with: Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
      }
      let old = try readIndex()
      var index = old ?? ImageIndex()
      Self.enter(manifest, tags, into: &index)
      if index != old { try FileSystem.replace(indexPath, with: index.canonicalBytes) }
      session.withLock { $0 = Session() }
    }
  }

  /// A layout never names an image that it does not hold.
  private func requireBlobs(of descriptor: Descriptor, _ bytes: [UInt8]) throws(OCIError) {
    guard !descriptor.mediaType.isIndex else { return }
    let manifest = try ImageManifest(parsing: bytes)
    for blob in [manifest.config] + manifest.layers where try FileSystem.fileSize(blobPath(blob.digest)) != blob.size {
      throw OCIError(.notFound, "image layout '\(path)' lacks blob \(blob.digest) of manifest \(descriptor.digest)")
    }
  }

  private static func enter(_ manifest: Descriptor, _ tags: [String], into index: inout ImageIndex) {
    if tags.isEmpty, !index.manifests.contains(where: { $0.digest == manifest.digest }) {
      index.manifests.append(manifest)
    }
    for tag in tags {
      var named = manifest
      named.annotations[ImageIndex.referenceName] = tag
      let position = index.manifests.firstIndex { $0.annotations[ImageIndex.referenceName] == tag }
      if let position { index.manifests[position] = named } else { index.manifests.append(named) }
    }
  }

  /// Removes what was written since the last `publish`, the directories too, unless another process is at work here.
  public func rollBack() async {
    _ = try? await IOExecutor.run { [self] in
      let ended = session.withLock { session in
        defer { session = Session() }
        return session
      }
      // With the lock to ourselves nobody is writing; with the index as it was nobody has published since we began, so
      // nothing needs our blobs. Otherwise they stay, as unreferenced blobs that do no harm.
      guard let lock = ended.lock, lock.tryExclusiveLock(), try readIndex() == ended.firstIndex else { return }
      for blob in ended.newBlobs { FileSystem.removeFile(blob) }
      for directory in ended.newDirectories.reversed() { FileSystem.removeEmptyDirectory(directory) }
    }
  }

  /// Makes sure that blobs can be written, and that the directory is ours to write to.
  private func prepare() throws(OCIError) {
    if session.withLock({ $0.lock != nil }) { return }
    let isForeign =
      FileSystem.isDirectory(path) && !FileSystem.exists(markerPath)
      && !FileSystem.isEmptyDirectory(path) && !FileSystem.exists(path.appending("blobs"))
    guard !isForeign else {
      throw OCIError(
        .ioFailure,
        "'\(path)' is not empty and not an OCI image layout; name a new directory, or one that holds an oci-layout file"
      )
    }
    let created = try FileSystem.createDirectories(path.appending("blobs").appending("sha256"))
    let lock = try OpenFile.reading(path)
    try lock.lock(exclusive: false)
    let index = try readIndex()
    session.withLock { session in
      session.newDirectories += created
      guard session.lock == nil else { return }
      session.lock = lock
      session.firstIndex = index
    }
  }

  /// Checks a name inside a layout (image-spec, annotations.md §`org.opencontainers.image.ref.name`): letters and digits
  /// with `-._:@/+` between them.
  /// - Throws: `OCIError.Code.invalidReference`.
  public static func validate(name: String) throws(OCIError) {
    let isValid = name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { component in
      var previousIsSeparator = true
      for byte in component.utf8 {
        let isSeparator = "-._:@+".utf8.contains(byte)
        let isWord = Unicode.Scalar(byte).properties.isAlphabetic && byte < 0x80 || (0x30...0x39).contains(byte)
        // A doubled separator is not in the grammar, but `__` and `--` are common in tags.
        guard isWord || isSeparator else { return false }
        if isSeparator, previousIsSeparator, component.utf8.first == byte, byte != UInt8(ascii: "_") { return false }
        previousIsSeparator = isSeparator
      }
      return !component.isEmpty
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

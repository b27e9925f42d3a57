public import OCICore
internal import Synchronization
public import SystemPackage

/// An OCI archive: an image layout in a tar, as `oci-archive:` of skopeo and podman.
///
/// It is read in place, each blob from where it lies in the file. It is written as a whole: what is pushed goes to a file
/// beside it, which takes its place when the manifest is published, so that the old archive stays until the new one is
/// complete. A new archive holds one image (and what refers to it) under its new tags and those it had; what else the old one
/// held is gone. Pushed by one task at a time, the same image gives the same bytes.
public final class ImageArchive: TagStore, ReferrerStore {
  /// The file.
  public let path: FilePath
  /// Whether this is a view for one push, which does not count what the old archive has.
  private let isWriter: Bool
  private let lock = AsyncLock()
  private let state = Mutex(State())

  private struct State {
    var index: ArchiveIndex?
    var writing: ArchiveWriting?
  }

  /// Creates a store over a file, which need not exist.
  public convenience init(_ path: FilePath) { self.init(path, isWriter: false) }

  private init(_ path: FilePath, isWriter: Bool) {
    self.path = path
    self.isWriter = isWriter
  }

  /// The same archive for one push.
  public func writer() -> ImageArchive { ImageArchive(path, isWriter: true) }

  // MARK: Reading

  /// The archive's `index.json`; `nil` where there is no archive.
  /// - Throws: `OCIError`, naming the file.
  public func index() async throws -> ImageIndex? {
    guard let bytes = try await contents(of: "index.json") else {
      guard try await membersIfAny() == nil else {
        throw OCIError(.invalidDocument, "'\(path)' has no index.json, so it is no OCI archive")
      }
      return nil
    }
    do { return try ImageIndex(parsing: bytes) } catch {
      throw OCIError(error.code, "index.json in '\(path)': \(error.message)")
    }
  }

  /// The manifest whose `org.opencontainers.image.ref.name` is the tag.
  public func resolve(_ tag: String) async throws -> Descriptor? {
    guard var manifest = try await index()?.manifest(named: tag), try await has(manifest) else { return nil }
    manifest.annotations[AnnotationKey.referenceName] = nil
    return manifest
  }

  /// Whether the archive has the content; for a view that is being written to, whether it was pushed.
  public func exists(_ descriptor: Descriptor) async throws -> Bool {
    if let writing = state.withLock(\.writing) { return writing.has(descriptor) }
    return try await isWriter ? false : has(descriptor)
  }

  private func has(_ descriptor: Descriptor) async throws -> Bool {
    guard let member = try await membersIfAny()?[Self.name(of: descriptor.digest)] else { return false }
    return !descriptor.hasSize || member.size == descriptor.size
  }

  /// The content, verified while it is read.
  public func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
    try await source(of: descriptor).open().verified(as: descriptor)
  }

  /// The content from any byte on, not verified.
  public func source(of descriptor: Descriptor) -> BlobSource {
    BlobSource(openingAt: { [self] offset in
      guard let member = try await membersIfAny()?[Self.name(of: descriptor.digest)] else {
        throw OCIError(.notFound, "'\(path)' has no blob \(descriptor.digest)")
      }
      return try await stream(member, from: offset)
    })
  }

  private func stream(_ member: ArchiveIndex.Member, from offset: Int64) async throws -> ByteStream {
    let file = try await IOExecutor.run { [path] in
      let file = try OpenFile.reading(path)
      try file.seek(to: member.offset + offset)
      return file
    }
    let rest = Mutex(max(0, member.size - offset))
    return ByteStream {
      let limit = Int(min(rest.withLock { $0 }, 1 << 20))
      guard limit > 0 else { return nil }
      let chunk = try await IOExecutor.run { try file.read(upTo: limit) }
      rest.withLock { $0 -= Int64(chunk.count) }
      return chunk.isEmpty ? nil : chunk
    }
  }

  private func contents(of name: String) async throws -> [UInt8]? {
    guard let member = try await membersIfAny()?[name] else { return nil }
    guard member.size <= ImageIndex.sizeLimit else {
      throw OCIError(.limitExceeded, "\(name) in '\(path)' has \(member.size) bytes")
    }
    return try await stream(member, from: 0).collect(upTo: ImageIndex.sizeLimit)
  }

  private func membersIfAny() async throws -> [String: ArchiveIndex.Member]? {
    if let index = state.withLock(\.index) { return index.members }
    let read = try await IOExecutor.run { [path] in FileSystem.exists(path) ? try ArchiveIndex(path) : nil }
    state.withLock { $0.index = read }
    return read?.members
  }

  /// The manifests that `index.json` lists, itself or through indexes, whose subject is the one given.
  public func referrers(of subject: Descriptor, artifactType: MediaType?) async throws -> [Descriptor] {
    var found: [Descriptor] = []
    var open = try await index()?.manifests ?? []
    var seen: Set<Digest> = []
    while let descriptor = open.popLast() {
      guard descriptor.mediaType.isManifest, seen.insert(descriptor.digest).inserted, try await has(descriptor) else {
        continue
      }
      let manifest = try await manifest(descriptor).manifest
      if manifest.subject?.digest == subject.digest { found.append(manifest.referrer(descriptor)) }
      open += manifest.children
    }
    return found.selected(artifactType)
  }

  static func name(of digest: Digest) -> String { "blobs/\(digest.algorithm.name)/\(digest.encoded)" }

  // MARK: Writing

  /// Takes content, verified while it is written.
  public func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
    try await lock.run {
      let writing = try await openedWriting()
      guard !writing.has(descriptor) else { return }
      try await writing.append(descriptor, source)
    }
  }

  /// Completes the archive with a manifest under its tags, and lets it take the old one's place.
  public func publish(_ manifest: Descriptor, bytes: [UInt8], tags: [String]) async throws {
    for tag in tags { try ImageLayoutStore.validate(name: tag) }
    try manifest.verify(bytes)
    let names = try await namesInOldArchive(of: manifest).filter { !tags.contains($0) } + tags
    try await lock.run {
      let writing = try await openedWriting()
      for child in try AnyManifest(parsing: bytes, as: manifest.mediaType).children
      where !child.isElsewhere && !writing.has(child) {
        throw OCIError(.notFound, "'\(path)' lacks \(child.digest) of manifest \(manifest.digest)")
      }
      if !writing.has(manifest) { try await writing.append(manifest, BlobSource(bytes)) }
      try await writing.complete(manifest, tags: names)
      state.withLock { $0.index = nil }
    }
  }

  /// The tags that the archive which is replaced has for the same manifest. One that cannot be read has none.
  private func namesInOldArchive(of manifest: Descriptor) async throws -> [String] {
    let old = (try? await index())?.manifests ?? []
    return old.filter { $0.digest == manifest.digest }.compactMap { $0.annotations[AnnotationKey.referenceName] }
  }

  /// Removes what was written and not published.
  public func rollBack() async {
    let writing = state.withLock { state in
      defer { state.writing = nil }
      return state.writing
    }
    await writing?.discard()
  }

  private func openedWriting() async throws -> ArchiveWriting {
    if let writing = state.withLock(\.writing) { return writing }
    let writing = try await IOExecutor.run { [path] in try ArchiveWriting(path) }
    state.withLock { $0.writing = writing }
    return writing
  }
}

internal import OCICore
internal import Synchronization
internal import SystemPackage
internal import Tarball

/// An OCI archive while it is written: a file beside the one it will replace. One task at a time may change it.
final class ArchiveWriting: Sendable {
  private struct State {
    var file: OpenFile
    var temporary: FilePath
    /// The end of what is complete.
    var offset: Int64 = 0
    var sizes: [Digest: Int64] = [:]
    var index = ImageIndex()
    /// Whether the file has taken its place, so that it must not be touched any more.
    var isPublished = false
  }

  private let path: FilePath
  private let state: Mutex<State>

  init(_ path: FilePath) throws(OCIError) {
    self.path = path
    let temporary = FileSystem.temporarySibling(of: path)
    state = Mutex(State(file: try OpenFile.creating(temporary), temporary: temporary))
  }

  func has(_ descriptor: Descriptor) -> Bool {
    state.withLock { $0.sizes[descriptor.digest].map { $0 == descriptor.size || !descriptor.hasSize } ?? false }
  }

  /// Adds a blob. Where that fails, the file is as it was.
  func append(_ descriptor: Descriptor, _ source: BlobSource) async throws {
    guard descriptor.hasSize else {
      throw OCIError(
        .invalidDocument, "the size of blob \(descriptor.digest) is not known, and a tar must say it; set the size")
    }
    try await reopenIfPublished()
    let (file, start) = state.withLock { ($0.file, $0.offset) }
    do {
      try await add(ImageArchive.name(of: descriptor.digest), size: descriptor.size) { write in
        for try await chunk in try await source.open().verified(as: descriptor) { try await write(chunk) }
      }
    } catch {
      try? await IOExecutor.run { try file.truncate(to: start) }
      state.withLock { $0.offset = start }
      throw error
    }
    state.withLock { $0.sizes[descriptor.digest] = descriptor.size }
  }

  private func add(
    _ name: String, size: Int64, _ content: (_ write: ([UInt8]) async throws -> Void) async throws -> Void
  ) async throws {
    let file = state.withLock(\.file)
    let header = try PlainMember.header(name, size: size)
    let padding = [UInt8](repeating: 0, count: PlainMember.padding(after: size))
    try await IOExecutor.run { try file.write(header.span) }
    try await content { chunk in try await IOExecutor.run { try file.write(chunk.span) } }
    try await IOExecutor.run { try file.write(padding.span) }
    state.withLock { $0.offset += Int64(header.count) + size + Int64(padding.count) }
  }

  /// Writes the index and the end, and lets the file take its place.
  func complete(_ manifest: Descriptor, tags: [String]) async throws {
    try await reopenIfPublished()
    let index = state.withLock { state in
      state.index.enter(manifest, tags)
      return state.index
    }
    let start = state.withLock(\.offset)
    for (name, bytes) in [("oci-layout", ImageLayoutMarker().canonicalBytes), ("index.json", index.canonicalBytes)] {
      try await add(name, size: Int64(bytes.count)) { try await $0(bytes) }
    }
    let (file, temporary) = state.withLock { ($0.file, $0.temporary) }
    try await IOExecutor.run { [path] in
      let end = PlainMember.end
      try file.write(end.span)
      try file.synchronize()
      try FileSystem.rename(temporary, to: path)
    }
    state.withLock { state in
      state.offset = start
      state.isPublished = true
    }
  }

  /// After a publication, goes on with a copy of what is complete: the published file stays as it is.
  private func reopenIfPublished() async throws {
    let (isPublished, end) = state.withLock { ($0.isPublished, $0.offset) }
    guard isPublished else { return }
    let temporary = FileSystem.temporarySibling(of: path)
    let copy = try await IOExecutor.run { [path] in
      let source = try OpenFile.reading(path)
      let copy = try OpenFile.creating(temporary)
      var rest = end
      while rest > 0 {
        let bytes = try source.read(upTo: Int(min(rest, 1 << 20)))
        guard !bytes.isEmpty else { throw OCIError(.ioFailure, "'\(path)' was cut short by someone else") }
        try copy.write(bytes.span)
        rest -= Int64(bytes.count)
      }
      return copy
    }
    state.withLock { state in
      state.file = copy
      state.temporary = temporary
      state.isPublished = false
    }
  }

  /// Removes the file, unless it was published.
  func discard() async {
    let (isPublished, temporary) = state.withLock { ($0.isPublished, $0.temporary) }
    guard !isPublished else { return }
    _ = try? await IOExecutor.run { FileSystem.removeFile(temporary) }
  }
}

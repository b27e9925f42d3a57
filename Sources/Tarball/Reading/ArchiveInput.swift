internal import OCICore
internal import SystemPackage

/// The bytes of an archive for a thread that may block: a file that can be sought in, or a stream.
final class ArchiveInput {
  private enum Kind {
    case file(FileDescriptor)
    case stream(BlobSource, ByteStream.AsyncIterator?)
    case memory(ArraySlice<[UInt8]>)
  }
  private static let chunkSize = 256 << 10

  private var kind: Kind
  /// Bytes that were looked at before they were asked for.
  private var ahead: [UInt8] = []
  private let name: String
  private let cancellation: ReadingCancellation
  /// Told of all bytes that are read.
  var onChunk: (([UInt8]) -> Void)?

  init(_ input: Archive.Input, _ cancellation: ReadingCancellation) throws {
    self.cancellation = cancellation
    switch input {
    case .file(let path):
      name = "'\(path)'"
      do {
        kind = .file(try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking]))
      } catch let error as Errno {
        throw TarballError(.unreadable, "cannot open \(name): \(error)")
      }
    case .source(let source):
      name = "the archive"
      kind = .stream(source, nil)
    }
  }

  /// Bytes that were read before.
  init(chunks: [[UInt8]]) {
    kind = .memory(chunks[...])
    name = "the archive"
    cancellation = ReadingCancellation()
  }

  deinit { if case .file(let file) = kind { try? file.close() } }

  var canSeek: Bool { if case .file = kind { true } else { false } }

  func begins(with magic: [UInt8]) throws -> Bool {
    if ahead.isEmpty { ahead = try fetch() }
    return ahead.starts(with: magic)
  }

  /// The next bytes; empty at the end.
  func next() throws -> [UInt8] {
    guard ahead.isEmpty else {
      defer { ahead = [] }
      return ahead
    }
    return try fetch()
  }

  /// Moves to another place in a file; gives the new position.
  func seek(_ offset: Int64, from origin: FileDescriptor.SeekOrigin) throws -> Int64 {
    guard case .file(let file) = kind else { throw TarballError(.invalidArchive, "\(name) cannot be sought in") }
    // A position relative to where we are is one behind what was read ahead.
    let offset = origin == .current ? offset - Int64(ahead.count) : offset
    ahead = []
    do { return try file.seek(offset: offset, from: origin) } catch let error as Errno { throw failure(error) }
  }

  private func fetch() throws -> [UInt8] {
    let chunk = try fetchChunk()
    onChunk?(chunk)
    return chunk
  }

  private func fetchChunk() throws -> [UInt8] {
    switch kind {
    case .memory(var chunks):
      let chunk = chunks.popFirst()
      kind = .memory(chunks)
      return chunk ?? []
    case .file(let file):
      do {
        return try unsafe [UInt8](unsafeUninitializedCapacity: Self.chunkSize) { buffer, count in
          count = try unsafe file.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
      } catch let error as Errno {
        throw failure(error)
      }
    case .stream(let source, let iterator):
      let (chunk, iterator) = try cancellation.wait {
        let iterator = if let iterator { iterator } else { try await source.open().makeAsyncIterator() }
        return (try await iterator.next(), iterator)
      }
      kind = .stream(source, iterator)
      return chunk ?? []
    }
  }

  private func failure(_ error: Errno) -> TarballError { TarballError(.unreadable, "cannot read \(name): \(error)") }
}

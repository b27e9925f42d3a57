internal import NIOCore
internal import OCICore
internal import Synchronization

/// What is uploaded: its bytes, as often as they are asked for.
struct UploadContent: Sendable {
  let source: BlobSource
  /// `nil` while the content is still being made: its digest and size are known at the end.
  let descriptor: Descriptor?
  let mediaType: MediaType

  var size: Int64? { descriptor?.size }

  /// What to call it in events before its digest is known.
  var label: Descriptor { descriptor ?? .unknown(mediaType) }

  /// Begins to read at an offset. Content whose digest is not known yet is read from its beginning all the same, to hash it.
  func reader(at offset: Int64) async throws -> UploadReader {
    guard descriptor != nil else {
      let reader = UploadReader(try await source.open(), at: 0, size: nil, digest: RunningDigest())
      while reader.position < offset {
        let limit = Int(min(offset - reader.position, 1 << 20))
        guard try await reader.next(upTo: limit) != nil else { throw UploadReader.shrunk(label) }
      }
      return reader
    }
    return UploadReader(try await source.open(at: offset), at: offset, size: size, digest: nil)
  }

  /// Reads everything once more and compares: tells a source that is wrong from a registry that is.
  /// - Throws: `OCIError.Code.digestMismatch` or `sizeMismatch`, or the source's own error.
  func verify() async throws {
    guard let descriptor else { return }
    for try await _ in try await source.open().verified(as: descriptor) {}
  }
}

extension Descriptor {
  /// Stands in events for a blob whose digest is not known yet.
  static func unknown(_ mediaType: MediaType) -> Descriptor {
    Descriptor(mediaType: mediaType, describing: [])
  }
}

/// The digest of what has passed so far.
final class RunningDigest: Sendable {
  private let state = Mutex<Digester?>(Digester())

  func update(_ bytes: ArraySlice<UInt8>) { state.withLock { $0?.update(bytes.span) } }

  /// The digest; asked for once.
  func finalize() -> Digest? {
    state.withLock { state in
      guard let digester = state.take() else { return nil }
      return digester.finalize()
    }
  }
}

/// Reads one source from an offset on, in pieces, for one or more requests, one after the other.
///
/// The last bytes are held back until the source has said that it ends there, so that a source of another size than it
/// should have is never sent whole; and errors are remembered, because no retry mends them.
final class UploadReader: Sendable {
  private struct State {
    var position: Int64
    /// How far the source has been read.
    var pulled: Int64
    var rest: ArraySlice<UInt8> = []
    var ahead: [UInt8]?
    var isPrimed = false
    var failure: (any Error)?
    /// When a piece was last given out; `nil` while we wait for the source, which may take its time.
    var lastPiece: ContinuousClock.Instant?
  }

  /// Large enough to keep the network busy, small enough to be still in the processor's cache when it is sent.
  static let pieceSize = 256 << 10

  private let chunks: ByteStream.AsyncIterator
  /// The source, where it is a file that is read directly.
  private let file: (buffers: FileBuffers, onBytes: (@Sendable (Int) -> Void)?)?
  private let size: Int64?
  let digest: RunningDigest?
  private let state: Mutex<State>

  init(_ stream: ByteStream, at offset: Int64, size: Int64?, digest: RunningDigest?) {
    chunks = stream.makeAsyncIterator()
    file =
      digest != nil || size == nil ? nil : stream.file.map { (FileBuffers($0.file, size: Self.pieceSize), $0.onBytes) }
    self.size = size
    self.digest = digest
    state = Mutex(State(position: offset, pulled: offset))
  }

  /// How many bytes of the content were given out, with those before the offset.
  var position: Int64 { state.withLock(\.position) }

  /// The source's own error, if it had one.
  var failure: (any Error)? { state.withLock(\.failure) }

  /// Since when nothing was asked for; `nil` while it is we who wait for the source.
  var lastPiece: ContinuousClock.Instant? { state.withLock(\.lastPiece) }

  /// Whether there is nothing more to give.
  func isAtEnd() async throws -> Bool {
    if file != nil { return try await nextOfFile(upTo: 1) == nil }
    try await fill()
    return state.withLock { $0.rest.isEmpty }
  }

  /// The next bytes as the network takes them, at most `limit`; `nil` at the end.
  func nextBuffer(upTo limit: Int) async throws -> ByteBuffer? {
    if file != nil { return try await nextOfFile(upTo: limit) }
    return try await next(upTo: min(limit, Self.pieceSize)).map { ByteBuffer(bytes: $0) }
  }

  private func nextOfFile(upTo limit: Int) async throws -> ByteBuffer? {
    guard let (buffers, onBytes) = file, let size else { return nil }
    let rest =
      size
      - state.withLock { state in
        state.lastPiece = nil
        return state.position
      }
    do {
      let limit = Int(min(Int64(limit), max(rest, 1)))
      let isLast = rest <= min(limit, Self.pieceSize)
      let (piece, isMore) = try await IOExecutor.run {
        let piece = try buffers.read(upTo: limit)
        return (piece, try isLast && rest > 0 && buffers.read(upTo: 1).readableBytes > 0)
      }
      let count = piece.readableBytes
      if Int64(count) > rest || isMore { throw Self.wrongSize("more than the \(size) bytes") }
      if count == 0, rest > 0 { throw Self.wrongSize("\(size - rest) bytes instead of \(size)") }
      state.withLock { state in
        state.position += Int64(count)
        state.lastPiece = .now
      }
      if count > 0 { onBytes?(count) }
      return count == 0 ? nil : piece
    } catch {
      state.withLock { $0.failure = error }
      throw error
    }
  }

  private static func wrongSize(_ what: String) -> OCIError {
    OCIError(.sizeMismatch, "the content to upload has \(what)")
  }

  /// The next bytes, at most `limit`; `nil` at the end.
  func next(upTo limit: Int) async throws -> ArraySlice<UInt8>? {
    try await fill()
    let piece = state.withLock { state in
      let piece = state.rest.prefix(limit)
      state.rest = state.rest.dropFirst(limit)
      state.position += Int64(piece.count)
      state.lastPiece = .now
      return piece
    }
    guard !piece.isEmpty else { return nil }
    digest?.update(piece)
    return piece
  }

  private func fill() async throws {
    guard state.withLock({ $0.rest.isEmpty }) else { return }
    state.withLock { $0.lastPiece = nil }
    do {
      if !state.withLock(\.isPrimed) { try await pull() }
      state.withLock { state in
        state.isPrimed = true
        state.rest = (state.ahead ?? [])[...]
        state.ahead = nil
      }
      if !state.withLock({ $0.rest.isEmpty }) { try await pull() }
    } catch {
      state.withLock { $0.failure = error }
      throw error
    }
    state.withLock { $0.lastPiece = .now }
  }

  /// Reads one chunk ahead.
  private func pull() async throws {
    let chunk = try await chunks.next()
    let pulled = state.withLock { state in
      state.ahead = chunk
      state.pulled += Int64(chunk?.count ?? 0)
      return state.pulled
    }
    guard let size, pulled > size || (chunk == nil && pulled < size) else { return }
    throw Self.wrongSize(
      pulled > size ? "more than the \(size) bytes that it should have" : "\(pulled) bytes instead of \(size)")
  }

  static func shrunk(_ blob: Descriptor) -> OCIError {
    OCIError(.sizeMismatch, "the content to upload (\(blob.mediaType)) is shorter than it was when it was read before")
  }
}

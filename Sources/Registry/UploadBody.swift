internal import AsyncHTTPClient
internal import NIOCore
internal import OCICore
internal import Synchronization

/// A blob on its way out: hands its chunks to the HTTP library, counts them, and remembers when it was the source that
/// failed, which no retry mends.
final class UploadBody: AsyncSequence, Sendable {
  private struct State {
    var sent: Int64 = 0
    var failure: (any Error)?
    /// When a piece was last given out; `nil` while we wait for the source, which may take its time.
    var lastPiece: ContinuousClock.Instant?
  }

  let descriptor: Descriptor
  private let stream: ByteStream
  private let onBytesSent: (@Sendable (Descriptor, Int64) -> Void)?
  private let state = Mutex(State())

  init(_ stream: ByteStream, _ descriptor: Descriptor, onBytesSent: (@Sendable (Descriptor, Int64) -> Void)?) {
    self.stream = stream.verified(as: descriptor)
    self.descriptor = descriptor
    self.onBytesSent = onBytesSent
  }

  /// The source's own error, if it had one.
  var sourceFailure: (any Error)? { state.withLock(\.failure) }

  /// Whether all the bytes were given out.
  var isComplete: Bool { state.withLock { $0.sent == descriptor.size } }

  /// Waits until the registry has taken nothing for so long, then throws.
  func failWhenStalled(for limit: Duration) async throws -> Never {
    while true {
      let idle = state.withLock { state in state.lastPiece.map { .now - $0 } ?? .zero }
      if idle >= limit { throw HTTPClientError.writeTimeout }
      try await Task.sleep(for: limit - idle)
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self, chunks: stream.makeAsyncIterator()) }

  struct AsyncIterator: AsyncIteratorProtocol {
    /// Chunks go out in pieces, so that little lies between the registry and us: progress is what it says, a stall is
    /// seen early, and so is an answer that comes before the end.
    private static let pieceSize = 256 << 10

    fileprivate let body: UploadBody
    fileprivate let chunks: ByteStream.AsyncIterator
    private var rest: ArraySlice<UInt8> = []

    fileprivate init(body: UploadBody, chunks: ByteStream.AsyncIterator) {
      self.body = body
      self.chunks = chunks
    }

    mutating func next() async throws -> ByteBuffer? {
      do {
        while rest.isEmpty {
          body.state.withLock { $0.lastPiece = nil }
          let chunk = try await chunks.next()
          body.state.withLock { $0.lastPiece = .now }
          guard let chunk else { return nil }
          rest = chunk[...]
        }
      } catch {
        body.state.withLock { $0.failure = error }
        throw error
      }
      let piece = rest.prefix(Self.pieceSize)
      rest = rest.dropFirst(Self.pieceSize)
      body.count(piece.count)
      return ByteBuffer(bytes: piece)
    }
  }

  private func count(_ bytes: Int) {
    let sent = state.withLock { state in
      state.sent += Int64(bytes)
      state.lastPiece = .now
      return state.sent
    }
    onBytesSent?(descriptor, sent)
  }
}

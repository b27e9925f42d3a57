internal import NIOCore
internal import OCICore
internal import Synchronization

/// A blob on its way out: hands its chunks to the HTTP library, counts them, and remembers when it was the source that
/// failed, which no retry mends.
final class UploadBody: AsyncSequence, Sendable {
  private struct State {
    var sent: Int64 = 0
    var failure: (any Error)?
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

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self, chunks: stream.makeAsyncIterator()) }

  struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let body: UploadBody
    fileprivate let chunks: ByteStream.AsyncIterator

    func next() async throws -> ByteBuffer? {
      do {
        guard let chunk = try await chunks.next() else { return nil }
        body.count(chunk.count)
        return ByteBuffer(bytes: chunk)
      } catch {
        body.state.withLock { $0.failure = error }
        throw error
      }
    }
  }

  private func count(_ bytes: Int) {
    let sent = state.withLock { state in
      state.sent += Int64(bytes)
      return state.sent
    }
    onBytesSent?(descriptor, sent)
  }
}

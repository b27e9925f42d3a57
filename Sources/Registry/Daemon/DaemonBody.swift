internal import NIOCore
internal import OCICore
internal import Synchronization

/// A stream as the body of a request, which remembers why it failed: the HTTP library tells something else.
final class DaemonBody: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  private let stream: ByteStream
  private let onBytes: @Sendable (Int64) -> Void
  private let state = Mutex(State())

  private struct State {
    var failure: (any Error)?
    var count: Int64 = 0
  }

  init(_ stream: ByteStream, _ onBytes: @escaping @Sendable (Int64) -> Void) {
    self.stream = stream
    self.onBytes = onBytes
  }

  var failure: (any Error)? { state.withLock { $0.failure } }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self, chunks: stream.makeAsyncIterator()) }

  struct AsyncIterator: AsyncIteratorProtocol {
    let body: DaemonBody
    let chunks: ByteStream.AsyncIterator

    func next() async throws -> ByteBuffer? {
      do {
        guard let chunk = try await chunks.next() else { return nil }
        body.onBytes(
          body.state.withLock { state in
            state.count += Int64(chunk.count)
            return state.count
          })
        return ByteBuffer(bytes: chunk)
      } catch {
        body.state.withLock { $0.failure = error }
        throw error
      }
    }
  }
}

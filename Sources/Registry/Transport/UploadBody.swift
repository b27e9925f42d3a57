internal import AsyncHTTPClient
internal import NIOCore
internal import OCICore

/// A part of a blob on its way out: hands it to the HTTP library piece by piece.
final class UploadBody: AsyncSequence, Sendable {
  private let reader: UploadReader
  /// How many bytes this request has; `nil` for all that is left, however much that is.
  let length: Int64?
  private let end: Int64
  private let onPosition: @Sendable (Int64) -> Void

  init(_ reader: UploadReader, length: Int64?, onPosition: @escaping @Sendable (Int64) -> Void) {
    self.reader = reader
    self.length = length
    end = length.map { reader.position + $0 } ?? .max
    self.onPosition = onPosition
  }

  /// The source's own error, if it had one.
  var sourceFailure: (any Error)? { reader.failure }

  /// Waits until the registry has taken nothing for so long, then throws.
  func failWhenStalled(for limit: Duration) async throws -> Never {
    while true {
      let idle = reader.lastPiece.map { .now - $0 } ?? .zero
      if idle >= limit { throw HTTPClientError.writeTimeout }
      try await Task.sleep(for: limit - idle)
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }

  struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let body: UploadBody

    mutating func next() async throws -> ByteBuffer? {
      // Small pieces, so that little lies between the registry and us: progress is what it says, a stall is seen early,
      // and so is an answer that comes before the end.
      let limit = Int(Swift.min(Int64(UploadReader.pieceSize), body.end - body.reader.position))
      guard limit > 0, let piece = try await body.reader.nextBuffer(upTo: limit) else { return nil }
      body.onPosition(body.reader.position)
      return piece
    }
  }
}

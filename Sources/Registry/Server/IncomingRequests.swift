internal import NIOCore
internal import NIOHTTP1

/// Reads the requests of one connection as they are asked for, so that a client never sends faster than we store.
actor IncomingRequests: RequestBody {
  typealias Parts = NIOAsyncChannelInboundStream<HTTPServerRequestPart>

  /// The connection ends here, on purpose.
  struct Dropped: Error {}

  private static let blockSize = 1 << 20

  private var parts: Parts.AsyncIterator
  private var fault: RegistryFaults.UploadFault?
  /// How many bytes of the present request's body were read.
  private(set) var bodyBytes: Int64 = 0
  /// Whether the present request was read to its end.
  private(set) var isAtEnd = true

  init(_ parts: Parts) { self.parts = parts.makeAsyncIterator() }

  /// The head of the next request; `nil` when the client closes the connection.
  func nextHead() async throws -> HTTPRequestHead? {
    bodyBytes = 0
    fault = nil
    while let part = try await nextPart() {
      guard case .head(let head) = part else { continue }
      isAtEnd = false
      return head
    }
    return nil
  }

  /// Lets the present request's body fail.
  func fail(by fault: RegistryFaults.UploadFault?) { self.fault = fault }

  func nextBlock() async throws -> [UInt8]? {
    guard !isAtEnd else { return nil }
    var block: [UInt8] = []
    while block.count < Self.blockSize {
      try await applyFault(including: block.count)
      guard let part = try await nextPart() else { throw Dropped() }
      guard case .body(let buffer) = part else {
        isAtEnd = true
        break
      }
      if block.isEmpty { block.reserveCapacity(min(Self.blockSize, max(buffer.readableBytes, 1 << 16)) * 2) }
      block.append(contentsOf: buffer.readableBytesView)
    }
    bodyBytes += Int64(block.count)
    return block.isEmpty ? nil : block
  }

  private func applyFault(including pending: Int) async throws {
    switch fault {
    case .dropAfter(let bytes) where bodyBytes + Int64(pending) >= bytes: throw Dropped()
    case .stallAfter(let bytes) where bodyBytes + Int64(pending) >= bytes: try await Task.sleep(for: .seconds(86400))
    default: break
    }
  }

  private func nextPart() async throws -> HTTPServerRequestPart? {
    var parts = self.parts
    defer { self.parts = parts }
    return try await parts.next(isolation: self)
  }
}

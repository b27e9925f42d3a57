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
  private var pause: Duration?
  /// What of a part did not fit before a fault.
  private var pending: ByteBuffer?
  /// How many bytes of the present request's body were read.
  private(set) var bodyBytes: Int64 = 0
  /// Whether the present request was read to its end.
  private(set) var isAtEnd = true

  init(_ parts: Parts) { self.parts = parts.makeAsyncIterator() }

  /// The head of the next request; `nil` when the client closes the connection.
  func nextHead() async throws -> HTTPRequestHead? {
    bodyBytes = 0
    fault = nil
    pause = nil
    while let part = try await nextPart() {
      guard case .head(let head) = part else { continue }
      isAtEnd = false
      return head
    }
    return nil
  }

  /// Lets the present request's body fail.
  func fail(by fault: RegistryFaults.UploadFault?) { self.fault = fault }

  /// Lets the present request's body come slowly.
  func drip(_ pause: Duration) { self.pause = pause }

  func nextBlock() async throws -> [UInt8]? {
    guard !isAtEnd else { return nil }
    var block: [UInt8] = []
    while block.count < (pause == nil ? Self.blockSize : 64 << 10) {
      let room = try await room(after: block.count)
      if room == 0 { break }
      if let pause, block.isEmpty { try await Task.sleep(for: pause) }
      guard let part = try await nextPart() else { throw Dropped() }
      guard case .body(var buffer) = part else {
        isAtEnd = true
        break
      }
      if block.isEmpty { block.reserveCapacity(min(Self.blockSize, max(buffer.readableBytes, 1 << 16)) * 2) }
      if let taken = buffer.readSlice(length: min(room, buffer.readableBytes)) {
        block.append(contentsOf: taken.readableBytesView)
      }
      if buffer.readableBytes > 0 { pending = buffer }
    }
    bodyBytes += Int64(block.count)
    return block.isEmpty ? nil : block
  }

  /// How many more bytes come before a fault; what came before it is given out first.
  private func room(after count: Int) async throws -> Int {
    let limit: Int
    switch fault {
    case .dropAfter(let bytes), .stallAfter(let bytes): limit = bytes
    default: return .max
    }
    let room = limit - Int(bodyBytes) - count
    if room > 0 { return room }
    if count > 0 { return 0 }
    if case .stallAfter = fault { try await Task.sleep(for: .seconds(86400)) }
    throw Dropped()
  }

  private func nextPart() async throws -> HTTPServerRequestPart? {
    if let pending {
      self.pending = nil
      return .body(pending)
    }
    var parts = self.parts
    defer { self.parts = parts }
    return try await parts.next(isolation: self)
  }
}

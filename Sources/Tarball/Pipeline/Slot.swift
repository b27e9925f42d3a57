/// Memory for one batch: its tar, and what that becomes. The bound on a layer's memory is the number of these.
///
/// Sendable, because it is used by one thread at a time: the filler that has it, then the consumer.
@safe final class Slot: @unchecked Sendable {
  private let tar: UnsafeMutableBufferPointer<UInt8>
  private let encoded: UnsafeMutableBufferPointer<UInt8>
  private(set) var tarCount = 0
  private(set) var encodedCount = 0

  init(tarCapacity: Int, encodedCapacity: Int) {
    unsafe tar = .allocate(capacity: tarCapacity)
    unsafe encoded = .allocate(capacity: encodedCapacity)
  }

  deinit {
    unsafe tar.deallocate()
    unsafe encoded.deallocate()
  }

  /// Produces a batch's tar here.
  func fill(with batch: borrowing LayerBatch) throws(TarballError) {
    tarCount = batch.count
    encodedCount = 0
    var span = unsafe UnsafeMutableBufferPointer(rebasing: tar[..<tarCount]).mutableSpan
    try batch.fill(&span)
  }

  /// Forgets what is here: its tar is not needed.
  func clear() {
    tarCount = 0
    encodedCount = 0
  }

  /// Encodes the tar.
  func encode(with encoder: any BlockEncoder) throws(TarballError) {
    var span = unsafe encoded.mutableSpan
    encodedCount = try encoder.encode(unsafe UnsafeBufferPointer(rebasing: tar[..<tarCount]).span, into: &span)
  }

  func withTar<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
    try unsafe body(UnsafeBufferPointer(rebasing: tar[..<tarCount]).span)
  }

  func withEncoded<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
    try unsafe body(UnsafeBufferPointer(rebasing: encoded[..<encodedCount]).span)
  }
}

extension Array where Element == UInt8 {
  /// A copy of bytes.
  init(copying span: Span<UInt8>) {
    self = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
  }
}

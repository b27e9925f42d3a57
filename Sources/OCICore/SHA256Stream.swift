internal import CSHA256

/// A running SHA-256 that can be stored half way and taken up again, and that several threads may hand on.
///
/// `Digester` is for everything else: it knows every registered algorithm.
///
/// Sendable, because it is used by one thread at a time: by its owner, or by whoever has taken its
/// bytes from `HashLanes`.
@safe package final class SHA256Stream: @unchecked Sendable {
  let state: UnsafeMutablePointer<flywheel_sha256>

  /// Starts a hash.
  package init() {
    unsafe state = .allocate(capacity: 1)
    unsafe flywheel_sha256_begin(state)
  }

  /// Takes a hash up again; `nil` for bytes that are no stored state.
  package convenience init?(stored: [UInt8]) {
    guard stored.count == MemoryLayout<flywheel_sha256>.size else { return nil }
    self.init()
    unsafe stored.withUnsafeBytes { bytes in
      unsafe UnsafeMutableRawBufferPointer(start: state, count: bytes.count).copyMemory(from: bytes)
    }
    guard unsafe state.pointee.count <= UInt64(Int64.max) else { return nil }
  }

  /// The state as it is now, for `init(stored:)` in the same version on the same kind of machine.
  package var stored: [UInt8] {
    unsafe Array(UnsafeRawBufferPointer(start: state, count: MemoryLayout<flywheel_sha256>.size))
  }

  deinit { unsafe state.deallocate() }

  /// How many bytes have been hashed.
  package var count: Int64 { unsafe Int64(state.pointee.count) }

  /// Adds bytes.
  package func update(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { unsafe flywheel_sha256_update(state, $0.baseAddress, $0.count) }
  }

  /// The digest of what went in so far; more may follow.
  package var digest: Digest {
    var bytes = [UInt8](repeating: 0, count: Digest.HashFunction.sha256.byteCount)
    unsafe flywheel_sha256_end(state, &bytes)
    return Digest(.sha256, bytes: bytes)
  }
}

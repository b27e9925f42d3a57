internal import CLibCrypto

/// A running hash over OpenSSL's EVP interface, which uses the processor's SHA instructions.
///
/// The only file that knows the hash library: another platform swaps it here.
public struct Digester: ~Copyable, Sendable {
  private let context: HashContext
  private let function: Digest.HashFunction
  /// How many bytes have been hashed.
  public private(set) var count: Int64 = 0

  /// Starts a hash.
  public init(_ function: Digest.HashFunction = .sha256) {
    self.function = function
    self.context = HashContext(function)
  }

  /// Adds bytes.
  public mutating func update(_ bytes: Span<UInt8>) {
    count += Int64(bytes.count)
    context.update(bytes)
  }

  /// Ends the hash.
  public consuming func finalize() -> Digest {
    Digest(function, bytes: context.finalize(byteCount: function.byteCount))
  }
}

/// Owns the C context and frees it exactly once.
///
/// Sendable, and safe: the pointer has one owner and is used through it alone. Not private, because optimised clients of
/// a type that holds a private `~Copyable` one fail to link (Swift 6.3).
@safe struct HashContext: ~Copyable, @unchecked Sendable {
  private let pointer: OpaquePointer

  init(_ function: Digest.HashFunction) {
    // These calls fail only when memory is exhausted, where the process cannot go on.
    guard let pointer = unsafe EVP_MD_CTX_new() else { fatalError("out of memory for a hash context") }
    let method = unsafe function == .sha256 ? EVP_sha256() : EVP_sha512()
    guard unsafe EVP_DigestInit_ex(pointer, method, nil) == 1 else {
      fatalError("libcrypto refuses \(function.rawValue)")
    }
    unsafe self.pointer = pointer
  }

  borrowing func update(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      let result = unsafe EVP_DigestUpdate(pointer, buffer.baseAddress, buffer.count)
      precondition(result == 1, "libcrypto failed to hash")
    }
  }

  borrowing func finalize(byteCount: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let result = unsafe EVP_DigestFinal_ex(pointer, &bytes, nil)
    precondition(result == 1, "libcrypto failed to finish a hash")
    return bytes
  }

  deinit { unsafe EVP_MD_CTX_free(pointer) }
}

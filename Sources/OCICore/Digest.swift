/// The digest of a blob: an algorithm and lower-case hexadecimal (image-spec, descriptor.md §digests).
public struct Digest: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// A hash function registered by the image-spec.
  public enum Algorithm: String, Sendable, Hashable, CaseIterable {
    /// SHA-256, which every implementation must support.
    case sha256
    /// SHA-512.
    case sha512

    /// How many hexadecimal digits a digest has.
    public var hexLength: Int { self == .sha256 ? 64 : 128 }
  }

  /// The hash function.
  public let algorithm: Algorithm
  /// The hash, in lower-case hexadecimal.
  public let hex: String

  /// Parses `sha256:…` or `sha512:…`.
  /// - Throws: `OCIError.Code.invalidDigest`.
  public init(_ text: String) throws(OCIError) {
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
      throw OCIError(.invalidDigest, "'\(text)' is not a digest: expected sha256: and 64 hexadecimal digits")
    }
    guard let algorithm = Algorithm(rawValue: String(text[..<colon])) else {
      throw OCIError(.invalidDigest, "digest '\(text)' uses an unknown algorithm: sha256 and sha512 are supported")
    }
    let hex = text[text.index(after: colon)...]
    let isHex = hex.utf8.allSatisfy { byte in
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
    guard isHex, hex.utf8.count == algorithm.hexLength else {
      throw OCIError(
        .invalidDigest,
        "digest '\(text)' needs exactly \(algorithm.hexLength) lower-case hexadecimal digits after '\(algorithm):'")
    }
    self.algorithm = algorithm
    self.hex = String(hex)
  }

  init(algorithm: Algorithm, bytes: [UInt8]) {
    self.algorithm = algorithm
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    self.hex = String(decoding: text, as: UTF8.self)
  }

  /// The digest of bytes at hand.
  public static func of(_ bytes: [UInt8], algorithm: Algorithm = .sha256) -> Digest {
    var digester = Digester(algorithm)
    digester.update(bytes.span)
    return digester.finalize()
  }

  /// `algorithm:hex`.
  public var description: String { "\(algorithm.rawValue):\(hex)" }

  /// Orders by text.
  public static func < (left: Digest, right: Digest) -> Bool {
    (left.algorithm.rawValue, left.hex) < (right.algorithm.rawValue, right.hex)
  }
}

/// The digest of a blob: an algorithm and an encoded hash (image-spec, descriptor.md §Digests).
///
/// Every digest of the spec's grammar is one, so that documents which use an algorithm of their own can be read and
/// written. Those of registered algorithms are checked to the letter. `algorithm.hashFunction` says whether content can be
/// verified against it here.
public struct Digest: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The name before the colon.
  public struct Algorithm: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The name, e.g. `sha256`.
    public let name: String

    private init(registered name: String) { self.name = name }

    /// Names an algorithm, be it one that nobody registered: words of lower-case letters and digits, joined by one of
    /// `+`, `.`, `_` and `-`.
    /// - Throws: `OCIError.Code.invalidDigest`.
    public init(_ name: String) throws(OCIError) {
      var wasSeparator = true
      for byte in name.utf8 {
        let isSeparator = Self.separators.contains(byte)
        guard isSeparator ? !wasSeparator : isLowercaseAlphanumeric(byte) else { wasSeparator = true; break }
        wasSeparator = isSeparator
      }
      guard !wasSeparator, name.utf8.count <= Digest.maximumLength else {
        throw OCIError(.invalidDigest, "'\(excerpt(name))' is no name of a digest algorithm, such as sha256")
      }
      self.name = name
    }

    /// SHA-256, which every implementation must support.
    public static let sha256 = Algorithm(registered: "sha256")
    /// SHA-512.
    public static let sha512 = Algorithm(registered: "sha512")
    /// BLAKE3, which is registered and which no OCI tool must support; content is not verified against it here.
    public static let blake3 = Algorithm(registered: "blake3")

    /// How many lower-case hexadecimal digits a digest has; `nil` for an algorithm that is not registered.
    public var hexLength: Int? {
      switch self {
      case .sha256, .blake3: 64
      case .sha512: 128
      default: nil
      }
    }

    /// Whether the image-spec registers the algorithm.
    public var isRegistered: Bool { hexLength != nil }

    /// How to compute it; `nil` where content cannot be verified against it here.
    public var hashFunction: HashFunction? { HashFunction(rawValue: name) }

    /// The name.
    public var description: String { name }

    /// Orders by name.
    public static func < (left: Algorithm, right: Algorithm) -> Bool { byteOrder(left.name, right.name) }

    private static let separators = Array("+._-".utf8)
  }

  /// A hash function that can be computed here.
  public enum HashFunction: String, Sendable, Hashable, CaseIterable {
    /// SHA-256.
    case sha256
    /// SHA-512.
    case sha512

    /// Its name in a digest.
    public var algorithm: Algorithm { self == .sha256 ? .sha256 : .sha512 }

    var byteCount: Int { self == .sha256 ? 32 : 64 }
  }

  /// The algorithm.
  public let algorithm: Algorithm
  /// The hash, in the algorithm's own encoding: lower-case hexadecimal for registered ones.
  public let encoded: String

  /// The spec sets no bound. This one lets every digest be a file name, and keeps hostile ones small.
  static let maximumLength = 255

  /// Parses `algorithm:encoded`, e.g. `sha256:` and 64 lower-case hexadecimal digits.
  /// - Throws: `OCIError.Code.invalidDigest`.
  public init(_ text: String) throws(OCIError) {
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
      throw OCIError(
        .invalidDigest, "'\(excerpt(text))' is not a digest: expected sha256: and 64 hexadecimal digits")
    }
    let name = text[..<colon]
    algorithm = if name == "sha256" { .sha256 } else { try Algorithm(String(name)) }
    // By bytes: a mark that belongs to the colon is one of the text's own.
    encoded = String(text[text.utf8.index(after: colon)...])
    if let hexLength = algorithm.hexLength {
      guard encoded.utf8.count == hexLength, isLowercaseHex(encoded) else {
        throw OCIError(
          .invalidDigest,
          "digest '\(excerpt(text))' needs exactly \(hexLength) lower-case hexadecimal digits after '\(algorithm):'")
      }
    } else {
      guard (1...Self.maximumLength).contains(encoded.utf8.count), encoded.utf8.allSatisfy(Self.isEncoding) else {
        throw OCIError(
          .invalidDigest,
          "digest '\(excerpt(text))' needs 1 to \(Self.maximumLength) letters, digits, '=', '_' or '-' after '\(algorithm):'"
        )
      }
    }
  }

  init(_ function: HashFunction, bytes: [UInt8]) {
    algorithm = function.algorithm
    encoded = hexadecimal(bytes)
  }

  /// The digest of bytes at hand.
  public static func of(_ bytes: [UInt8], using function: HashFunction = .sha256) -> Digest {
    var digester = Digester(function)
    digester.update(bytes.span)
    return digester.finalize()
  }

  /// The hash, where it is in hexadecimal, as it is for every registered algorithm.
  public var hex: String { encoded }

  /// `algorithm:encoded`.
  public var description: String { "\(algorithm.name):\(encoded)" }

  /// Orders by text.
  public static func < (left: Digest, right: Digest) -> Bool {
    left.algorithm == right.algorithm ? byteOrder(left.encoded, right.encoded) : left.algorithm < right.algorithm
  }

  private static func isEncoding(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || byte == UInt8(ascii: "=") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }
}

extension Digest {
  /// How to compute the digest.
  /// - Throws: `OCIError.Code.unsupportedAlgorithm`.
  public func requireHashFunction() throws(OCIError) -> HashFunction {
    guard let function = algorithm.hashFunction else {
      throw OCIError(
        .unsupportedAlgorithm, "content cannot be verified against \(self): only sha256 and sha512 can be computed here"
      )
    }
    return function
  }

  /// Whether this is the digest of some bytes.
  /// - Throws: `OCIError.Code.unsupportedAlgorithm`.
  public func isDigest(of bytes: [UInt8]) throws(OCIError) -> Bool {
    try Self.of(bytes, using: requireHashFunction()) == self
  }
}

internal import OCICore

/// The public key of somebody whose signatures on store paths are trusted, as Nix writes it: a name, a colon, and base64.
public struct TrustedKey: Sendable, Hashable, CustomStringConvertible {
  /// The name, e.g. `cache.nixos.org-1`.
  public let name: String
  private let bytes: [UInt8]

  /// Parses a key.
  /// - Throws: `AssemblyError.Code.invalidBinaryCache` for anything else than `NAME:BASE64` of 32 bytes.
  public init(_ text: String) throws(AssemblyError) {
    guard let (name, bytes) = StoreSignature.parts(text), bytes.count == Ed25519.keyLength else {
      throw AssemblyError(
        .invalidBinaryCache,
        "the trusted key '\(text)' must be NAME:BASE64 of \(Ed25519.keyLength) bytes, as nix key convert-secret-to-public prints it"
      )
    }
    self.name = name
    self.bytes = bytes
  }

  /// The key of the cache of the Nix project.
  public static let nixos = try? TrustedKey("cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=")

  func hasSigned(_ message: String, with signature: StoreSignature) -> Bool {
    signature.name == name && Ed25519.isValid(signature.bytes, of: Array(message.utf8), by: bytes)
  }

  /// The key as it was given.
  public var description: String { "\(name):\(Base64.encode(bytes))" }
}

/// A signature on a store path, and the name of the key that it was made with.
struct StoreSignature: Sendable, Hashable {
  let name: String
  let bytes: [UInt8]

  init?(_ text: String) {
    guard let (name, bytes) = Self.parts(text), bytes.count == Ed25519.signatureLength else { return nil }
    self.name = name
    self.bytes = bytes
  }

  fileprivate static func parts(_ text: String) -> (name: String, bytes: [UInt8])? {
    guard let colon = text.lastIndex(of: ":"), colon > text.startIndex,
      let bytes = Base64.decode(String(text[text.index(after: colon)...]))
    else { return nil }
    return (String(text[..<colon]), bytes)
  }
}

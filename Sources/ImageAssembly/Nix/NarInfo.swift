public import OCICore
internal import SystemPackage

/// What a binary cache says of one store path: a `.narinfo` file.
public struct NarInfo: Sendable, Hashable {
  /// The store path.
  public let storePath: String
  /// Where the archive is, below the cache.
  public let url: String
  /// How the archive is compressed: `none`, `xz`, `zstd`, `gzip`, `bzip2` or `lzma`.
  public let compression: String
  /// The digest of the file at `url`.
  public let fileHash: Digest?
  /// The length of the file at `url`.
  public let fileSize: Int64?
  /// The digest of the NAR.
  public let narHash: Digest
  /// The length of the NAR.
  public let narSize: Int64
  /// The store paths that it names, whole, sorted.
  public let references: [String]
  /// What it was built from, by the name in the store.
  public let deriver: String?
  /// What its content alone says that its name is, where that is so.
  public let contentAddress: String?
  let signatures: [StoreSignature]

  /// The most bytes of such a file that are read.
  static let sizeLimit = 16 << 20
  private static let compressions: Set<String> = ["none", "xz", "zstd", "gzip", "bzip2", "lzma"]

  /// Parses a file.
  /// - Throws: `AssemblyError.Code.invalidBinaryCache`, naming the field.
  public init(parsing bytes: [UInt8]) throws(AssemblyError) {
    let fields = try NarInfoFields(bytes)
    guard let name = StorePath(in: FilePath(try fields.required("StorePath"))),
      name.path.string == fields["StorePath"]
    else { throw fields.error("StorePath", "must be a path in a store") }
    // What is signed is put together with these.
    guard !name.directory.string.contains(where: { ";,".contains($0) }) else {
      throw fields.error("StorePath", "is in a store whose name has ';' or ',', so what is signed would be ambiguous")
    }
    storePath = name.path.string
    url = try fields.required("URL")
    guard Self.staysBelow(url) else { throw fields.error("URL", "must be a path below the cache") }
    // What was meant before there was a choice.
    compression = fields["Compression"] ?? "bzip2"
    guard Self.compressions.contains(compression) else {
      throw fields.error(
        "Compression", "is not known here; have it uploaded with \(Self.compressions.sorted().joined(separator: ", "))")
    }
    fileHash = try fields.hash("FileHash")
    fileSize = try fields.size("FileSize")
    guard let hash = try fields.hash("NarHash") else { throw fields.error("NarHash", "is missing") }
    guard let size = try fields.size("NarSize"), size > 0 else {
      throw fields.error("NarSize", "must be a number of bytes")
    }
    (narHash, narSize) = (hash, size)
    let names = (fields["References"] ?? "").split(separator: " ").map(String.init)
    guard names.allSatisfy(StorePath.isValid) else { throw fields.error("References", "must be names in the store") }
    references = names.map { name.directory.appending($0).string }.sorted(by: byteOrder)
    deriver = fields["Deriver"]
    contentAddress = fields["CA"]
    signatures = try fields.signatures()
  }

  /// What is signed.
  public var fingerprint: String {
    "1;\(storePath);sha256:\(NarHashes.base32(narHash));\(narSize);\(references.joined(separator: ","))"
  }

  /// Whether the owner of one of the keys says that all this is so.
  public func isSigned(by keys: [TrustedKey]) -> Bool {
    let fingerprint = fingerprint
    return keys.contains { key in signatures.contains { key.hasSigned(fingerprint, with: $0) } }
  }

  /// Whether a place is a path in the cache, whoever reads it, and however.
  private static func staysBelow(_ url: String) -> Bool {
    guard url.utf8.allSatisfy({ 0x21...0x7E ~= $0 }), !url.contains(where: { "\\#".contains($0) }) else { return false }
    let parts = url.prefix { $0 != "?" }.split(separator: "/", omittingEmptySubsequences: false)
    return !parts[0].contains(":")
      && parts.allSatisfy { part in
        let lower = part.lowercased()
        return !part.isEmpty && part != "." && part != ".." && !lower.contains("%2e") && !lower.contains("%2f")
      }
  }
}

/// The lines of a `.narinfo` file: a name, a colon, a space and a value each.
private struct NarInfoFields {
  private var values: [String: String] = [:]
  private var signatureTexts: [String] = []

  init(_ bytes: [UInt8]) throws(AssemblyError) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw AssemblyError(.invalidBinaryCache, "it is no text")
    }
    for (number, line) in text.split(separator: "\n").enumerated() {
      guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else {
        throw AssemblyError(.invalidBinaryCache, "line \(number + 1) must be a name, a colon and a value")
      }
      let name = String(line[..<colon])
      let value = String(line[line.index(after: colon)...].drop { $0 == " " })
      if name == "Sig" {
        signatureTexts.append(value)
      } else {
        guard values.updateValue(value, forKey: name) == nil else { throw error(name, "is there twice") }
      }
    }
  }

  /// A value that is there and not empty.
  subscript(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

  func required(_ name: String) throws(AssemblyError) -> String {
    guard let value = self[name] else { throw error(name, "is missing") }
    return value
  }

  func hash(_ name: String) throws(AssemblyError) -> Digest? {
    guard let text = self[name] else { return nil }
    guard let hex = NarHashes.hexadecimal(text), let digest = try? Digest("sha256:\(hex)") else {
      throw error(name, "must be a SHA-256 as Nix writes it")
    }
    return digest
  }

  func size(_ name: String) throws(AssemblyError) -> Int64? {
    guard let text = self[name] else { return nil }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let size = Int64(text) else {
      throw error(name, "must be a number of bytes")
    }
    return size
  }

  func signatures() throws(AssemblyError) -> [StoreSignature] {
    var result: [StoreSignature] = []
    for text in signatureTexts {
      guard let signature = StoreSignature(text) else {
        throw AssemblyError(.invalidBinaryCache, "Sig must be NAME:BASE64 of an Ed25519 signature, but is '\(text)'")
      }
      result.append(signature)
    }
    return result
  }

  func error(_ name: String, _ why: String) -> AssemblyError {
    let value = values[name].map { " (it is '\($0.prefix(200))')" } ?? ""
    return AssemblyError(.invalidBinaryCache, "\(name) \(why)\(value)")
  }
}

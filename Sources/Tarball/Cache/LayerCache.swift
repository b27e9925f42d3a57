public import OCICore

/// What may be known of a layer's bytes before they are made: the seam through which a cache saves reading, hashing and
/// compressing. Every answer may be "no", and changes nothing but the time.
///
/// Keys name sources by their paths, not by their content, so a cache says first which sources cannot change under their
/// name, as registered store paths cannot. Calls come from several threads at once, and may block. A cache that keeps only
/// digests implements only those.
public protocol LayerCache: Sendable {
  /// Whether a source cannot change under its name. Nothing is asked or stored of others. Asked again for each part.
  func admits(_ source: LayerRecipe.Source) -> Bool

  /// The digests of a whole layer, by `LayerRecipe.fingerprint(encoding:)`.
  func digests(for fingerprint: String) -> LayerDigests?
  /// Remembers digests.
  func store(_ digests: LayerDigests, for fingerprint: String)

  /// Whether to list what is in each layer that is made, which costs a second hash of every file.
  var wantsListings: Bool { get }
  /// Remembers what is in the layer of a diffID; told of every recipe.
  func store(_ listing: LayerListing, for diffID: Digest)

  /// The state in which a layer's hashes were after its first sources.
  func checkpoint(for fingerprint: String) -> LayerCheckpoint?
  /// Remembers a state.
  func store(_ checkpoint: LayerCheckpoint, for fingerprint: String)

  /// An encoded part of a source.
  func block(for key: EncodedBlock.Key) -> EncodedBlock?
  /// Remembers a part.
  func store(_ block: EncodedBlock, for key: EncodedBlock.Key)
}

extension LayerCache {
  /// No.
  public var wantsListings: Bool { false }
  /// Forgets it.
  public func store(_ listing: LayerListing, for diffID: Digest) {}
  /// None.
  public func checkpoint(for fingerprint: String) -> LayerCheckpoint? { nil }
  /// Forgets it.
  public func store(_ checkpoint: LayerCheckpoint, for fingerprint: String) {}
  /// None.
  public func block(for key: EncodedBlock.Key) -> EncodedBlock? { nil }
  /// Forgets it.
  public func store(_ block: EncodedBlock, for key: EncodedBlock.Key) {}
}

/// A part of one source, of at most a few MiB, as it is in every layer with the same encoding.
public struct EncodedBlock: Sendable, Hashable {
  /// What names a part.
  public struct Key: Sendable, Hashable {
    /// The fingerprint of the source and of the rules for it.
    public var segment: String
    /// The encoding's identifier.
    public var encoding: String
    /// The part's number in the source, from 0.
    public var number: Int

    /// Creates a key.
    public init(segment: String, encoding: String, number: Int) {
      self.segment = segment
      self.encoding = encoding
      self.number = number
    }
  }

  /// The encoded bytes.
  public let bytes: [UInt8]
  let checksum: GzipChecksum

  init(bytes: [UInt8], checksum: GzipChecksum) {
    self.bytes = bytes
    self.checksum = checksum
  }

  /// Takes up a block that was stored; `nil` when the bytes are not those that were.
  /// - Parameters:
  ///   - bytes: The encoded bytes.
  ///   - uncompressedSize: The length of its tar.
  ///   - crc32: The CRC-32 of its tar.
  ///   - encodedCRC32: The CRC-32 of the encoded bytes.
  public init?(bytes: [UInt8], uncompressedSize: Int64, crc32: UInt32, encodedCRC32: UInt32) {
    self.init(bytes: bytes, checksum: GzipChecksum(crc: crc32, length: uncompressedSize))
    guard !bytes.isEmpty, self.encodedCRC32 == encodedCRC32 else { return nil }
  }

  /// The length of its tar.
  public var uncompressedSize: Int64 { checksum.length }
  /// The CRC-32 of its tar, by which a block that does not belong to its source is found out.
  public var crc32: UInt32 { checksum.crc }
  /// The CRC-32 of the encoded bytes, by which a damaged block is found out.
  public var encodedCRC32: UInt32 { GzipChecksum(of: bytes.span).crc }
}

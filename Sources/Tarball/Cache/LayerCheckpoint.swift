internal import OCICore

/// Where a layer's hashes were after its first sources, so that another layer that begins with the same sources, or the
/// same layer with one more at its end, need not read them again.
public struct LayerCheckpoint: Sendable, Hashable {
  /// How many sources of the recipe are done, in the order of the archive.
  let sources: Int
  let tar: [UInt8]
  let blob: [UInt8]
  let checksum: GzipChecksum

  /// How many bytes of tar are done.
  public var uncompressedSize: Int64 { SHA256Stream(stored: tar)?.count ?? 0 }
  /// How many encoded bytes are done.
  public var size: Int64 { SHA256Stream(stored: blob)?.count ?? 0 }

  init(sources: Int, tar: [UInt8], blob: [UInt8], checksum: GzipChecksum) {
    self.sources = sources
    self.tar = tar
    self.blob = blob
    self.checksum = checksum
  }

  /// Before 2, a source that ended with a block could be taken for more than it was.
  private static let format: UInt8 = 2

  /// The state for a file; to be read by the same version on the same kind of machine.
  public var bytes: [UInt8] {
    var result = [Self.format, UInt8(tar.count), UInt8(blob.count)]
    for number in [UInt64(sources), UInt64(checksum.crc), UInt64(bitPattern: checksum.length)] {
      for shift in stride(from: 0, to: 64, by: 8) { result.append(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
    }
    result += tar + blob
    let checksum = GzipChecksum(of: result.span).crc
    return result + [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: checksum >> $0) }
  }

  /// A stored state; `nil` for anything else, a damaged one included.
  public init?(bytes stored: [UInt8]) {
    let bytes = Array(stored.dropLast(4))
    let checksum = stored.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard stored.count > 4, GzipChecksum(of: bytes.span).crc == checksum else { return nil }
    guard bytes.count >= 27, bytes[0] == Self.format, bytes.count == 27 + Int(bytes[1]) + Int(bytes[2]) else {
      return nil
    }
    func number(_ index: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(bytes[3 + 8 * index + $1]) << UInt64(8 * $1) }
    }
    guard let sources = Int(exactly: number(0)), sources > 0, let crc = UInt32(exactly: number(1)),
      let length = Int64(exactly: number(2))
    else { return nil }
    self.sources = sources
    self.checksum = GzipChecksum(crc: crc, length: length)
    tar = Array(bytes[27..<27 + Int(bytes[1])])
    blob = Array(bytes[(27 + Int(bytes[1]))...])
    guard let stream = SHA256Stream(stored: tar), stream.count % 512 == 0,
      blob.isEmpty || SHA256Stream(stored: blob) != nil, length == (blob.isEmpty ? 0 : stream.count)
    else { return nil }
  }
}

extension LayerRecipe {
  /// The names of the states after each number of leading sources, the shortest first: for recipes of sources alone, at
  /// places of their own, in the order of the archive.
  /// - Parameter admits: The first source that it does not let in ends the leading ones.
  func checkpointFingerprints(
    _ encoding: LayerEncoding, while admits: (Source) -> Bool = { _ in true }
  ) -> [String] {
    guard entries.isEmpty, parentRules.isEmpty, metadata.hardLinks == .never, let tree = try? LayerTree(self) else {
      return []
    }
    var ordered: [Source] = []
    func visit(_ node: LayerTree.Node) -> Bool {
      for (_, child) in node.children.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        if child.isSegment, admits(child.sources[0]) {
          ordered.append(child.sources[0])
        } else if !child.sources.isEmpty || !visit(child) {
          return false
        }
      }
      return true
    }
    guard tree.root.sources.isEmpty else { return [] }
    // A source that is no place of its own ends the leading ones.
    _ = visit(tree.root)
    let name = SHA256Stream()
    name.update(Array("checkpoint\n\(encoding.identifier)\n\(TarHeader.grammar)\n\(metadata.fingerprint)".utf8).span)
    return ordered.map { source in
      name.update(Array("\n\(source.fingerprint)".utf8).span)
      return name.digest.hex
    }
  }

  /// The name of this recipe's layer in an encoding, for a cache.
  public func fingerprint(encoding: LayerEncoding) -> String { "\(encoding.identifier)\n\(fingerprint)" }
}

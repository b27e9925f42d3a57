internal import OCICore
internal import Synchronization

/// Checks, once an encoding, that this machine's library gives the bytes on which the encoding's contract rests. A
/// distribution that ships another implementation, or another version that decides otherwise, would give other digests.
enum EncodingCanary {
  private static let honoured = Mutex<Set<LayerEncoding>>([.none])

  /// - Throws: `TarballError.Code.encodingNotHonoured`, or `invalidRecipe` for a level outside the contract.
  static func verify(_ encoding: LayerEncoding) throws(TarballError) {
    if honoured.withLock({ $0.contains(encoding) }) { return }
    guard let expected = digests[encoding] else {
      throw TarballError(.invalidRecipe, "compression '\(encoding)' has a level outside the contract")
    }
    guard try digest(encoding).hex == expected else {
      throw TarballError(
        .encodingNotHonoured,
        "this machine's library gives other bytes than \(encoding.identifier) promises, so digests would not match those of other machines; \(remedy(encoding))"
      )
    }
    _ = honoured.withLock { $0.insert(encoding) }
  }

  private static func remedy(_ encoding: LayerEncoding) -> String {
    switch encoding {
    case .none: ""
    case .gzip(_, .zlib): "use --compression none, or a system whose zlib is the reference implementation"
    case .gzip(_, .libdeflate): "use --compression gzip, or a libdeflate from 1.14 to 1.25"
    case .gzip(_, .isal): "use --compression gzip-libdeflate or gzip; gzip-isal is for x86-64 alone"
    case .zstd: "use --compression gzip, or a libzstd from 1.5.4 to 1.5.6"
    }
  }

  /// The digest of what becomes of the sample.
  static func digest(_ encoding: LayerEncoding) throws(TarballError) -> Digest {
    guard let encoder = try encoding.makeEncoder() else { return .of(sample) }
    // zlib has had its short sample from the beginning; the others look further back and split blocks late.
    let block = if case .gzip(_, .zlib) = encoding { sample } else { longSample }
    var output = [UInt8](repeating: 0, count: encoder.bound(block.count))
    var span = output.mutableSpan
    let count = try encoder.encode(block.span, into: &span)
    return Digest.of(Array(output.prefix(count)))
  }

  /// Text-like and random stretches, so that matches, lazy matching and stored blocks all take part.
  static let sample: [UInt8] = {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    let words = (0..<64).map { _ in (0..<Int(2 + next() % 9)).map { _ in UInt8(ascii: "a") + UInt8(next() % 26) } }
    var bytes: [UInt8] = []
    while bytes.count < 96 << 10 {
      bytes.append(contentsOf: words[Int(next() % 64)])
      bytes.append(next() % 16 == 0 ? UInt8(ascii: "\n") : UInt8(ascii: " "))
    }
    while bytes.count < 128 << 10 { bytes.append(UInt8(truncatingIfNeeded: next())) }
    return bytes
  }()

  /// Nearly a block: the sample, itself again at distances that only some look back to, and tables of numbers.
  private static let longSample: [UInt8] = {
    var bytes: [UInt8] = []
    for round in 0..<6 {
      bytes += sample.map { $0 ^ UInt8(round & 1) }
      for index in 0..<(32 << 10) { bytes.append(UInt8(truncatingIfNeeded: (index * (round + 3)) >> (index & 7))) }
    }
    return bytes
  }()

  /// SHA-256 of the sample's block: zlib as 1.2.11 to 1.3.1 give it on every processor, libdeflate as 1.14, ISA-L as 2.30
  /// on x86-64, zstd as 1.5.4.
  private static let digests: [LayerEncoding: String] = [
    .gzip(level: 1): "dcb309566542b8e110d2d1b633e5682eab1b47e00efe375a812b470a551a68d2",
    .gzip(level: 2): "147e4045229976154a12d79680ff364be39a2eaff8058c4c14b6b13771ce6cfa",
    .gzip(level: 3): "679714d79057f014b093234b9026883e5ad12232cba04cdb5cb26153291d9852",
    .gzip(level: 4): "7e6c4df79aa71a4c8924a647ddb1734f809b37ce048f997b16dbec6a9f74c386",
    .gzip(level: 5): "a01831b554189da61c83e67a9608177842b6638620006a50a5815cc7862eefb4",
    .gzip(level: 6): "6f3a9350e468625d10bb7e1933f82e5e1eb6ec551ef499d9d605eccae86539ad",
    .gzip(level: 7): "7aac669dd6a98d57b25aac7db238fd62fe396f5b337f24efd92c0ba3a2dfd75e",
    .gzip(level: 8): "03969021117a8b924da4b74729be6db31ce7636ef708d85283d8020c4d301010",
    .gzip(level: 9): "03969021117a8b924da4b74729be6db31ce7636ef708d85283d8020c4d301010",
    .gzip(level: 1, by: .libdeflate): "73977def9725dab426637eb727fc25daf1a7506775e7670332655a0137bbabb4",
    .gzip(level: 2, by: .libdeflate): "62a0501d45b9a113f945f68d1775cff1392001fce2b7844f259cf91abeba3f82",
    .gzip(level: 3, by: .libdeflate): "969b2e259c1c0ac0399a30adcb0f0f6bce669d22c26ad46d328c3c0d3b860331",
    .gzip(level: 4, by: .libdeflate): "8f2faba9b66bfa980082ed8ab61fe88095db66312ed55e0790d766f2b7fc4397",
    .gzip(level: 5, by: .libdeflate): "361ad3c91a2a78b26d308473d622568f039fc090bae2a9a5e04a4280b278bee8",
    .gzip(level: 6, by: .libdeflate): "ae2deaf126d5618f98764aa7d8f6e5117a033270936d44b91ccbbf9cfabff14e",
    .gzip(level: 7, by: .libdeflate): "25be6d9d209dc2007f923634624007b2ec501bc537865581d934b48c18443450",
    .gzip(level: 8, by: .libdeflate): "af7de84c1eb414026d22808bf65ad50efeb55a2a34839fd4c34b6ed19106e3ad",
    .gzip(level: 9, by: .libdeflate): "efa0760b45b41973cc0fd1da78170a2f319c48425279b73bd7d8fee8d9cef65e",
    .gzip(level: 1, by: .isal): "7f58a384d5dcbb05791b36402efd53208e5cb4a97d11ae18527e0cebc4345509",
    .gzip(level: 2, by: .isal): "85e8cf7db019377664f48de0b1256a8f65e733617bc678c29f1ae645bd4d9f81",
    .zstd(level: 1): "d2c036313e4205e5cedc53c1eec4c54d59b1cde4499550cd360c160e13ea0155",
    .zstd(level: 2): "cdd62c3d148f4b2a8b1d591b26f9b2c510a4610e943f15758120b85dc17a56dc",
    .zstd(level: 3): "e704c97bb5642cd805c051c9de2016080df23eb65eee13eb82ece86eaaf21c20",
  ]
}

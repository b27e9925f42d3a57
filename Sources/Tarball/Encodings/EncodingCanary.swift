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
    .gzip(level: 1, by: .libdeflate): "25f06351d0e9e6e0dc6c76ad03573c44aca03169e03e395af9bb5662306c2599",
    .gzip(level: 2, by: .libdeflate): "ddfa8cf4841ee56deddb034e5dacac0cb11207c2eda33650d7b0a2f25a3c2ec7",
    .gzip(level: 3, by: .libdeflate): "75e6bd4b64b4cf9a57d493112e10dff1123c1598c3c85bdf7428a42ecd6376ce",
    .gzip(level: 4, by: .libdeflate): "3156c9cd42842c357c6d4c781017f04cde55715ee45764c580b2824176371285",
    .gzip(level: 5, by: .libdeflate): "026ca9251e2e5ea5db1c2af7a6f288a41988a89a6844202c25dcb25defa552ec",
    .gzip(level: 6, by: .libdeflate): "56639c554b49b46115cf85fe5c65160f61e589d011370f9f30a58082deb24c96",
    .gzip(level: 7, by: .libdeflate): "df1678052683a53f45608caf07e803f37707f2e920390a38cfaf2ed13de7e53a",
    .gzip(level: 8, by: .libdeflate): "76ea9304e305ad6d175aa4022a31af7abf3c0678695bdfe59e14285899b69754",
    .gzip(level: 9, by: .libdeflate): "a7765b30cb8cfbc2a3c3ecbb3159b61a439bee0bcf32b894056b63acde60c53f",
    .gzip(level: 1, by: .isal): "7f58a384d5dcbb05791b36402efd53208e5cb4a97d11ae18527e0cebc4345509",
    .gzip(level: 2, by: .isal): "85e8cf7db019377664f48de0b1256a8f65e733617bc678c29f1ae645bd4d9f81",
    .zstd(level: 1): "d2c036313e4205e5cedc53c1eec4c54d59b1cde4499550cd360c160e13ea0155",
    .zstd(level: 2): "cdd62c3d148f4b2a8b1d591b26f9b2c510a4610e943f15758120b85dc17a56dc",
    .zstd(level: 3): "e704c97bb5642cd805c051c9de2016080df23eb65eee13eb82ece86eaaf21c20",
  ]
}

internal import OCICore
internal import Synchronization

/// Checks, once a level, that this machine's zlib gives the bytes on which the encoding's contract rests. A distribution
/// that ships another implementation under zlib's name would give other digests.
enum EncodingCanary {
  private static let honoured = Mutex<Set<Int>>([])

  /// - Throws: `TarballError.Code.encodingNotHonoured`.
  static func verify(_ encoding: LayerEncoding) throws(TarballError) {
    guard case .gzip(let level) = encoding else { return }
    guard let expected = digests[level] else {
      throw TarballError(.invalidRecipe, "gzip level \(level) is not between 1 and 9")
    }
    if honoured.withLock({ $0.contains(level) }) { return }
    let digest = Digest.of(try BlockDeflater(level: level).compress(sample).bytes)
    guard digest.hex == expected else {
      throw TarballError(
        .encodingNotHonoured,
        "this machine's zlib gives other bytes than gzip/flywheel-1 promises at level \(level), so digests would not match those of other machines; use --compression none, or a system whose zlib is the reference implementation"
      )
    }
    _ = honoured.withLock { $0.insert(level) }
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

  /// SHA-256 of the sample's block by level, as zlib 1.2.11 to 1.3.1 give it on every processor.
  private static let digests: [Int: String] = [
    1: "dcb309566542b8e110d2d1b633e5682eab1b47e00efe375a812b470a551a68d2",
    2: "147e4045229976154a12d79680ff364be39a2eaff8058c4c14b6b13771ce6cfa",
    3: "679714d79057f014b093234b9026883e5ad12232cba04cdb5cb26153291d9852",
    4: "7e6c4df79aa71a4c8924a647ddb1734f809b37ce048f997b16dbec6a9f74c386",
    5: "a01831b554189da61c83e67a9608177842b6638620006a50a5815cc7862eefb4",
    6: "6f3a9350e468625d10bb7e1933f82e5e1eb6ec551ef499d9d605eccae86539ad",
    7: "7aac669dd6a98d57b25aac7db238fd62fe396f5b337f24efd92c0ba3a2dfd75e",
    8: "03969021117a8b924da4b74729be6db31ce7636ef708d85283d8020c4d301010",
    9: "03969021117a8b924da4b74729be6db31ce7636ef708d85283d8020c4d301010",
  ]
}

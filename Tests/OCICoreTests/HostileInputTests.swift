import OCICore
import Testing

/// Input that was made to do harm: a typed error, and no more memory than the limits allow.
struct HostileInputTests {
  private static let digest = "sha256:" + String(repeating: "0", count: 64)
  private static let descriptor = #"{"mediaType":"a/b","digest":"\#(digest)","size":1}"#

  private func code(_ text: String, limit: Int = ImageManifest.sizeLimit) -> OCIError.Code? {
    do {
      _ = try Document<ImageManifest>(parsing: Array(text.utf8), limit: limit)
      return nil
    } catch { return error.code }
  }

  @Test(arguments: ["[", #"{"a":"#, #"[{"a":"#])
  func nestingIsBounded(opening: String) {
    let text = String(repeating: opening, count: 100_000)
    #expect(code(text) == .invalidJSON)
    let inside = #"{"schemaVersion":2,"config":\#(Self.descriptor),"layers":[],"x":\#(text)"#
    #expect(code(inside) == .invalidJSON)
  }

  @Test func aDocumentOverItsLimitIsNotEvenParsed() {
    let padding = String(repeating: " ", count: ImageManifest.sizeLimit)
    let text = #"{"schemaVersion":2,"config":\#(Self.descriptor),"layers":[]}"#
    #expect(code(text) == nil)
    #expect(code(text + padding) == .limitExceeded)
    #expect(code(text + padding, limit: 8 << 20) == nil)
    #expect(code(text, limit: 10) == .limitExceeded)
  }

  @Test func aTextOfVeryManySmallValuesIsRefused() {
    let values = Array(repeating: "0", count: 1_100_000).joined(separator: ",")
    #expect(code("[\(values)]") == .limitExceeded)
  }

  @Test(arguments: [
    "9223372036854775808", "-1", "1e3", "1.0", "1e400", "-0.0", "\"1\"", "true", "[]", "123456789012345678901234567890",
  ])
  func sizesThatDoNotFitAreRefused(size: String) {
    let text =
      #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"\#(Self.digest)","size":\#(size)},"layers":[]}"#
    #expect(code(text) == .invalidDocument)
  }

  @Test(arguments: ["9223372036854775807", "0", "-0"]) func sizesThatFitAreRead(size: String) {
    let text =
      #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"\#(Self.digest)","size":\#(size)},"layers":[]}"#
    #expect(code(text) == nil)
  }

  @Test(
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
      [0x22, 0xE2, 0x82, 0x22], Array(#""\ud800""#.utf8), Array(#""\ud800\u0041""#.utf8), Array(#""\udc00""#.utf8),
      [0xEF, 0xBB], [0xFE, 0xFF, 0x00, 0x22], [0x22, 0x00, 0x22], [],
    ] as [[UInt8]])
  func textThatIsNotUTF8IsRefused(bytes: [UInt8]) {
    let error = #expect(throws: OCIError.self) { try JSON(parsing: bytes) }
    #expect(error?.code == .invalidJSON)
  }

  @Test func manyMembersAndRepeatedNamesCostNoMoreThanTheirLength() {
    let names = (0..<100_000).map { #""n\#($0)":0"# }.joined(separator: ",")
    let start = #"{"schemaVersion":2,"config":\#(Self.descriptor),"layers":[],"#
    #expect(code("\(start)\(names)}") == nil)
    #expect(code(#"\#(start)\#(names),"n5":1}"#) == .invalidJSON)
  }

  @Test func aMessageShowsNoMoreThanALineOfHostileText() {
    let long = String(repeating: "a\u{1B}[2J", count: 100_000)
    for message in [
      #expect(throws: OCIError.self) { try Digest(long) }?.message,
      #expect(throws: OCIError.self) { try Digest("sha256:\(long)") }?.message,
      #expect(throws: OCIError.self) { try MediaType(long) }?.message,
      #expect(throws: OCIError.self) { try ImageReference(long) }?.message,
      #expect(throws: OCIError.self) { try Platform(long) }?.message,
      #expect(throws: OCIError.self) { try Descriptor(.object(wrong(long)), path: "x") }?.message,
    ] {
      #expect(message?.utf8.count ?? .max < 1000)
      #expect(message?.utf8.contains(0x1B) == false)
    }
  }

  private func wrong(_ text: String) -> JSON.Object {
    var annotations = JSON.Object()
    annotations[text] = .integer(1)
    var object = JSON.Object()
    object["mediaType"] = .string("a/b")
    object["digest"] = .string(Self.digest)
    object["annotations"] = .object(annotations)
    return object
  }

  @Test(arguments: [
    "e30", "e30=\n", "e3 0=", "e31=", "e30=e30=", "====", "=", "e===", "_w==", "/x==",
  ])
  func dataThatIsNotOneSpellingOfBytesIsRefused(data: String) throws {
    var object = JSON.Object()
    object["mediaType"] = .string("a/b")
    object["digest"] = .string(Self.digest)
    object["data"] = .string(data)
    let error = #expect(throws: OCIError.self) { try Descriptor(.object(object), path: "d") }
    #expect(error?.message.hasPrefix("d.data ") == true)
  }

  @Test(arguments: ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy", "/+8="])
  func dataOfTheStandardIsReadAndWritten(data: String) throws {
    var object = JSON.Object()
    object["mediaType"] = .string("a/b")
    object["digest"] = .string(Self.digest)
    object["size"] = .integer(0)
    object["data"] = .string(data)
    #expect(try Descriptor(.object(object), path: "d").json == .object(object))
  }

  @Test(arguments: [
    ("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8", false),
    ("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564", false), ("md5:d41d8cd98f00b204e9800998ecf8427e", false),
    ("blake3:" + String(repeating: "0", count: 64), true), ("sha512:" + String(repeating: "0", count: 128), true),
  ])
  func digestsOfOtherAlgorithmsAreReadAndKeptApart(text: String, isRegistered: Bool) throws {
    let digest = try Digest(text)
    #expect(digest.description == text)
    #expect(digest.algorithm.isRegistered == isRegistered)
    #expect((digest.algorithm.hashFunction != nil) == text.hasPrefix("sha512:"))
    if digest.algorithm.hashFunction == nil {
      let error = #expect(throws: OCIError.self) { try digest.isDigest(of: []) }
      #expect(error?.code == .unsupportedAlgorithm)
    }
  }
}

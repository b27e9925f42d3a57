import OCICore
import OCITesting
import Testing

/// JSON that loses nothing, and says where it is wrong.
struct JSONTests {
  @Test(arguments: [
    "null", "true", "[]", "{}", #"{"b":1,"a":[1.50,-0,2e10,"x"]}"#, #"["\"\\\n\r\t\u0001é😀/<>&"]"#,
    #"{"deep":{"deep":{"deep":[[[]]]}}}"#, "12345678901234567890123",
  ])
  func canonicalTextIsReadAndWrittenUnchanged(text: String) throws {
    #expect(String(decoding: try JSON(parsing: text).canonicalBytes, as: UTF8.self) == text)
  }

  @Test func escapesAreUnderstood() throws {
    #expect(try JSON(parsing: #""\u00e9\ud83d\ude00\/\b\f""#) == .string("é😀/\u{8}\u{c}"))
  }

  @Test(arguments: [
    ("", 1, 1), ("{\n  \"a\": 1,\n}", 3, 1), ("[1,\n 2", 2, 3), ("{\"a\": 1, \"a\": 2}", 1, 10), ("[01]", 1, 2),
    ("[1.]", 1, 4), ("nul", 1, 1), ("[\"a\nb\"]", 1, 4), ("[\"\\x\"]", 1, 4), ("[\"\\ud800\"]", 1, 9), ("1 2", 1, 3),
    ("{\"a\" 1}", 1, 6), ("{a: 1}", 1, 2), ("[\"open", 1, 2), ("[,]", 1, 2), ("+1", 1, 1), ("[1 2]", 1, 4),
  ])
  func brokenTextIsRefusedWithLineAndColumn(text: String, line: Int, column: Int) {
    let error = #expect(throws: OCIError.self) { try JSON(parsing: text) }
    #expect(error?.code == .invalidJSON)
    #expect(error?.message.hasPrefix("line \(line), column \(column): ") == true, "\(error?.message ?? "")")
  }

  @Test func twoSpellingsOfOneLetterAreTwoNames() throws {
    let text = "{\"caf\u{E9}\":1,\"cafe\u{301}\":2}"
    let value = try JSON(parsing: text)
    #expect(value.canonicalBytes == Array(text.utf8))
    #expect(value.objectValue?["cafe\u{301}"] == .number("2"))
  }

  @Test func aHundredThousandUnknownMembersAreKeptInLinearTime() throws {
    let members = (0..<100_000).map { "\"m\($0)\":0" }.joined(separator: ",")
    let text =
      "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[],\(members)}"
    // Quadratic work would take minutes here.
    #expect(try ImageIndex(parsing: Array(text.utf8)).canonicalBytes == Array(text.utf8))
  }

  @Test func invalidUTF8IsRefused() {
    #expect(throws: OCIError.self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
    #expect(throws: OCIError.self) { try JSON(parsing: [0x22, 0xED, 0xA0, 0x80, 0x22]) }
  }

  @Test func hostileNestingIsRefusedNotFollowed() {
    #expect(throws: OCIError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000)) }
    #expect(throws: OCIError.self) { try JSON(parsing: String(repeating: "{\"a\":", count: 1_000_000)) }
  }

  /// Every mutation of a document is either read, and then written and read again to the same value, or refused.
  @Test(arguments: 1...4 as ClosedRange<UInt64>) func mutatedTextNeverBreaksTheParser(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let document = Array(#"{"a":[1,2.5e3,"x\u00e9\n",{"b":null}],"c":{"d":true,"e":""}}"#.utf8)
    for _ in 0..<5000 {
      var bytes = document
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: index)
        default: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &generator)], at: index)
        }
      }
      guard let value = try? JSON(parsing: bytes) else { continue }
      #expect((try? JSON(parsing: value.canonicalBytes)) == value)
      #expect((try? JSON(parsing: value.prettyText)) == value)
    }
  }
}

import Testing

@testable import Tarball

/// The header grammar, where it is easiest to get wrong.
struct TarHeaderTests {
  private func header(_ path: String, link: String? = nil, size: Int64 = 0, uid: Int64 = 0, mtime: Int64 = 1) throws
    -> [UInt8]
  {
    let kind: TarEntry.Kind =
      if let link { .symlink(target: Array(link.utf8)) } else if path.hasSuffix("/") { .directory } else {
        .file(size: size)
      }
    var output: [UInt8] = []
    try TarHeader.append(
      TarEntry(path: Array(path.utf8), kind: kind, mode: 0o644, uid: uid, modificationTime: mtime), to: &output)
    return output
  }

  private func field(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> String {
    String(decoding: bytes[offset..<offset + width].prefix { $0 != 0 }, as: UTF8.self)
  }

  private static let a100 = String(repeating: "a", count: 100)
  private static let a155 = String(repeating: "a", count: 155)
  private static let b100 = String(repeating: "b", count: 100)

  @Test(arguments: [
    ("short", "", "short"),
    (a100, "", a100),
    (a100 + "/a", a100, "a"),
    (a155 + "/" + b100, a155, b100),
    (
      String(repeating: "a/", count: 100), String(repeating: "a/", count: 77) + "a", String(repeating: "a/", count: 22)
    ),
  ])
  func longNamesAreSplitAtASlashIntoPrefixAndName(path: String, prefix: String, name: String) throws {
    let bytes = try header(path)
    #expect(bytes.count == 512)
    #expect(field(bytes, 345, 155) == prefix)
    #expect(field(bytes, 0, 100) == name)
  }

  @Test(arguments: [
    a100 + "/", a155 + "/", a155 + "//" + b100, String(repeating: "a", count: 101), a155 + "/" + b100 + "b",
  ])
  func namesThatNoSlashSplitsNeedPAX(path: String) throws {
    let bytes = try header(path)
    #expect(bytes.count == 1536)
    #expect(bytes[156] == UInt8(ascii: "x"))
    #expect(String(decoding: bytes[512..<1024], as: UTF8.self).contains(" path=\(path)\n"))
    // No prefix beside PAX records.
    #expect(field(bytes, 1024 + 345, 155) == "")
  }

  @Test(arguments: [
    ("path", "/etc/hosts", 19), ("foo", "ba", 9), ("foo", "bar", 11),
    ("path", a100, 110), ("path", a100 + a100, 210),
  ])
  func aRecordCountsItsOwnDigits(key: String, value: String, length: Int) {
    var record: [UInt8] = []
    TarHeader.appendPaxRecord(Array(key.utf8), Array(value.utf8), to: &record)
    #expect(record.count == length)
    #expect(String(decoding: record, as: UTF8.self) == "\(length) \(key)=\(value)\n")
  }

  @Test func numbersThatOctalCannotHoldBecomeRecords() throws {
    let bytes = try header("big", size: 8 << 30, uid: 1 << 21, mtime: -1)
    let records = String(decoding: bytes[512..<1024].prefix { $0 != 0 }, as: UTF8.self)
    #expect(records == "12 mtime=-1\n19 size=8589934592\n15 uid=2097152\n")
    #expect(field(bytes, 1024 + 124, 12) == "00000000000")
    #expect(try header("fits", size: 8 << 30 - 1).count == 512)
  }

  @Test func aNameThatCouldBeSplitIsARecordWhenAnythingElseNeedsPAX() throws {
    let bytes = try header("\(Self.a100)/a", link: "é")
    let records = String(decoding: bytes[512..<1024].prefix { $0 != 0 }, as: UTF8.self)
    #expect(records == "15 linkpath=é\n112 path=\(Self.a100)/a\n")
  }

  @Test func theChecksumCoversEveryByte() throws {
    let (a, many) = (Array("a".utf8), Int64(1) << 62)
    let cutAtASlash = String(repeating: "c", count: 98) + "//" + Self.b100
    var all = try ["a", "d/", "é", Self.a155 + "/" + Self.b100, cutAtASlash, Self.a100 + "/"].map { try header($0) }
    all += try [String(repeating: "/", count: 120), cutAtASlash, "e", "é"].map { try header("link", link: $0) }
    for entry in [
      TarEntry(path: a, kind: .characterDevice(major: 0o12_3456, minor: 0o7_654_321), mode: 0o7777),
      TarEntry(
        path: a, kind: .hardLink(target: Array("b/c".utf8)), mode: 0, userName: a, groupName: Array("wheel".utf8)),
      TarEntry(path: a, kind: .file(size: many), mode: 0o755, uid: many, gid: -1, modificationTime: -many),
      TarEntry(
        path: a, kind: .directory, mode: 0o1777, uid: 0o7_777_777, gid: 0o7_777_777, modificationTime: 0o777_7777_7777,
        extendedAttributes: [ExtendedAttribute(name: Array("user.name".utf8), value: [0, 255])]),
    ] {
      var bytes: [UInt8] = []
      try TarHeader.append(entry, to: &bytes)
      all.append(bytes)
    }
    for bytes in all {
      for block in stride(from: 0, to: bytes.count, by: 512) where bytes[block + 257] == UInt8(ascii: "u") {
        var sum = 0
        for index in 0..<512 { sum += (148..<156).contains(index) ? 32 : Int(bytes[block + index]) }
        let digits = String(sum, radix: 8)
        #expect(field(bytes, block + 148, 8) == String(repeating: "0", count: 6 - digits.count) + digits)
      }
    }
  }

  @Test func aNameCutAtASlashDoesNotLookLikeADirectory() throws {
    let path = String(repeating: "a", count: 99) + "/" + String(repeating: "b", count: 200)
    let bytes = try header(path)
    #expect(field(bytes, 1024, 100) == String(repeating: "a", count: 99))
  }
}

internal import OCICore
internal import SystemPackage
internal import Tarball

/// Where the files of an image layout are inside a tar that is not compressed: read once, by its headers alone.
struct ArchiveIndex: Sendable {
  /// A file inside the archive.
  struct Member: Sendable, Hashable {
    var offset: Int64
    var size: Int64
  }

  /// More members than any image has.
  private static let memberLimit = 100_000
  private static let block = 512

  private(set) var members: [String: Member] = [:]

  /// Reads the headers. Blocks.
  /// - Throws: `OCIError`: `notFound`, or `invalidDocument` where it is no such tar, saying what to do.
  init(_ path: FilePath) throws(OCIError) {
    let file = try OpenFile.reading(path)
    let total = try FileSystem.fileSize(path) ?? 0
    var offset: Int64 = 0
    var longName: String?
    while offset + Int64(Self.block) <= total {
      let header = try Self.read(file, at: offset, count: Self.block)
      offset += Int64(Self.block)
      if header.allSatisfy({ $0 == 0 }) { return }
      if offset == Int64(Self.block) { try Self.requireTar(header, path) }
      guard let size = Self.size(in: header), size >= 0, size <= total - offset, PlainMember.isHeader(header) else {
        throw Self.damaged(path, "at byte \(offset - Int64(Self.block))")
      }
      let name = longName ?? Self.name(in: header)
      longName = nil
      switch header[156] {
      case 0, UInt8(ascii: "0"):
        guard members.count < Self.memberLimit else { throw Self.damaged(path, "more than \(Self.memberLimit) files") }
        members[Self.cleaned(name)] = Member(offset: offset, size: size)
      case UInt8(ascii: "L") where size <= 4096:
        longName = String(decoding: try Self.read(file, at: offset, count: Int(size)).prefix { $0 != 0 }, as: UTF8.self)
      case UInt8(ascii: "x") where size <= 1 << 20:
        longName = Self.path(inRecords: try Self.read(file, at: offset, count: Int(size)))
      default: break
      }
      offset += (size + Int64(Self.block) - 1) / Int64(Self.block) * Int64(Self.block)
    }
    throw Self.damaged(path, "it ends early")
  }

  private static func read(_ file: OpenFile, at offset: Int64, count: Int) throws(OCIError) -> [UInt8] {
    try file.seek(to: offset)
    var bytes: [UInt8] = []
    while bytes.count < count {
      let part = try file.read(upTo: count - bytes.count)
      if part.isEmpty { throw damaged(file.path, "it ends early") }
      bytes += part
    }
    return bytes
  }

  private static func damaged(_ path: FilePath, _ what: String) -> OCIError {
    OCIError(.invalidDocument, "'\(path)' is damaged, or no OCI archive (\(what)); make it again")
  }

  private static func requireTar(_ header: [UInt8], _ path: FilePath) throws(OCIError) {
    let compressed: [([UInt8], String)] = [
      ([0x1f, 0x8b], "gzip"), ([0x28, 0xb5, 0x2f, 0xfd], "zstd"), (Array("BZh".utf8), "bzip2"),
      ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz"),
    ]
    for (magic, name) in compressed where header.starts(with: magic) {
      throw OCIError(
        .invalidDocument, "'\(path)' is compressed with \(name), so its parts cannot be reached; decompress it first")
    }
    guard PlainMember.isHeader(header) else { throw damaged(path, "it is no tar") }
  }

  private static func octal(_ field: ArraySlice<UInt8>) -> Int64? {
    let digits = field.drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
    return digits.isEmpty ? nil : Int64(String(decoding: digits, as: UTF8.self), radix: 8)
  }

  private static func size(in header: [UInt8]) -> Int64? {
    let field = header[124..<136]
    guard field.first ?? 0 & 0x80 != 0, field[124] & 0x80 != 0 else { return octal(field) }
    // GNU's form for large files: a number of 95 bits.
    guard field[124] == 0x80, field[125..<128].allSatisfy({ $0 == 0 }) else { return nil }
    let value = field[128..<136].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Int64(exactly: value)
  }

  private static func name(in header: [UInt8]) -> String {
    func text(_ field: ArraySlice<UInt8>) -> String { String(decoding: field.prefix { $0 != 0 }, as: UTF8.self) }
    let isUstar = header[257..<263].elementsEqual(Array("ustar\0".utf8))
    let prefix = isUstar ? text(header[345..<500]) : ""
    return (prefix.isEmpty ? "" : prefix + "/") + text(header[0..<100])
  }

  /// The `path` of PAX records: `LENGTH path=VALUE\n`.
  private static func path(inRecords bytes: [UInt8]) -> String? {
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      if parts.count == 2, parts[1].hasPrefix("path=") { return String(parts[1].dropFirst(5)) }
    }
    return nil
  }

  private static func cleaned(_ name: String) -> String {
    var rest = Substring(name)
    while rest.hasPrefix("./") { rest = rest.dropFirst(2) }
    return String(rest)
  }
}

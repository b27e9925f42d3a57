import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Tarball

/// Nothing but the one NAR that a tree has is taken.
struct NarReaderTests {
  private func members(_ nar: [UInt8], chunk: Int = .max) throws -> [LayerListing.Entry] {
    var rest = nar[...]
    let reader = NarReader(limits: ArchiveLimits(memberCount: 100), isCancelled: { false }) {
      let part = rest.prefix(chunk)
      rest = rest.dropFirst(part.count)
      return Array(part)
    }
    var result: [LayerListing.Entry] = []
    while let member = try reader.next() {
      var entry = member.entry
      if entry.kind == .file {
        var digester = Digester()
        try reader.forEachChunk { digester.update($0) }
        #expect(digester.count == entry.size)
        entry.digest = digester.finalize()
      }
      result.append(entry)
    }
    #expect(try reader.next() == nil)
    return result
  }

  @Test(arguments: [1, 7, 8, 64, .max]) func chunksOfAnySizeGiveTheSameMembers(chunk: Int) throws {
    let nar = NarSample.nar(
      NarSample.directory(
        ("A", NarSample.file("12345678".utf8, isExecutable: true)),
        ("a", NarSample.directory(("empty", NarSample.directory()), ("link", NarSample.link("../A")))),
        ("b", NarSample.file("x".utf8)), ("ba", NarSample.file("".utf8))))
    let members = try members(nar, chunk: chunk)
    #expect(members.map(\.name) == [".", "A", "a", "a/empty", "a/link", "b", "ba"])
    #expect(members.map(\.mode) == [0o555, 0o555, 0o555, 0o555, 0o777, 0o444, 0o444])
    #expect(members[1].digest == Digest.of(Array("12345678".utf8)))
    #expect(members[4].linkTarget == Array("../A".utf8))
  }

  @Test func aFileOrALinkIsANarToo() throws {
    #expect(try members(NarSample.nar(NarSample.file("x".utf8))).map(\.kind) == [.file])
    #expect(try members(NarSample.nar(NarSample.link("/x"))).map(\.kind) == [.symlink])
  }

  private static let wrong: [(String, [UInt8])] = [
    ("nothing", []), ("no magic", NarSample.strings("nix-archive-2") + NarSample.file("x".utf8)),
    ("no node", NarSample.strings("nix-archive-1")),
    ("more after the end", NarSample.nar(NarSample.file("x".utf8)) + [0]),
    ("an unknown type", NarSample.nar(NarSample.strings("(", "type", "socket", ")"))),
    ("no contents", NarSample.nar(NarSample.strings("(", "type", "regular", ")"))),
    (
      "a mark with text",
      NarSample.nar(NarSample.strings("(", "type", "regular", "executable", "x", "contents", "", ")"))
    ),
    ("a name with a slash", NarSample.nar(NarSample.directory(("a/b", NarSample.link("x"))))),
    ("a name with NUL", NarSample.nar(NarSample.directory(("a\0b", NarSample.link("x"))))),
    ("no name", NarSample.nar(NarSample.directory(("", NarSample.link("x"))))),
    ("the name .", NarSample.nar(NarSample.directory((".", NarSample.link("x"))))),
    ("the name ..", NarSample.nar(NarSample.directory(("..", NarSample.link("x"))))),
    ("a name twice", NarSample.nar(NarSample.directory(("a", NarSample.link("x")), ("a", NarSample.link("x"))))),
    ("names out of order", NarSample.nar(NarSample.directory(("b", NarSample.link("x")), ("a", NarSample.link("x"))))),
    (
      "names in the order of letters, not bytes",
      NarSample.nar(NarSample.directory(("a", NarSample.link("x")), ("B", NarSample.link("x"))))
    ),
    ("a link to nothing", NarSample.nar(NarSample.link(""))), ("a link to NUL", NarSample.nar(NarSample.link("a\0b"))),
    ("a long link", NarSample.nar(NarSample.link(String(repeating: "x", count: 1 << 17)))),
    ("padding", NarSample.nar(NarSample.strings("(", "type") + [7, 0, 0, 0, 0, 0, 0, 0] + Array("symlink1".utf8))),
    (
      "a length beyond all bounds",
      NarSample.nar(
        NarSample.strings("(", "type", "regular", "contents") + [UInt8](repeating: 0xFF, count: 8) + [1, 2, 3])
    ),
    ("a name beyond all bounds", NarSample.strings("nix-archive-1", "(", "type") + [0, 0, 0, 0, 1, 0, 0, 0]),
    (
      "too many members",
      NarSample.nar(
        NarSample.strings("(", "type", "directory")
          + (100..<300).flatMap { number in
            NarSample.strings("entry", "(", "name", "\(number)", "node") + NarSample.link("x") + NarSample.strings(")")
          } + NarSample.strings(")"))
    ),
    (
      "too deep",
      NarSample.nar(
        (0..<100).flatMap { _ in
          NarSample.strings("(", "type", "directory", "entry", "(", "name", String(repeating: "n", count: 250), "node")
        })
    ),
  ]

  @Test(arguments: wrong) func whatIsNotTheOneNarOfATreeIsRefused(what: String, nar: [UInt8]) {
    let error = #expect(throws: TarballError.self) { try members(nar) }
    #expect(error?.code == .invalidArchive || error?.code == .limitExceeded, "\(what): \(error?.message ?? "")")
  }

  @Test func aNarThatIsCutAnywhereIsRefused() throws {
    let nar = NarSample.nar(
      NarSample.directory(("a", NarSample.file("12345".utf8, isExecutable: true)), ("b", NarSample.link("a"))))
    for count in nar.indices {
      #expect(throws: TarballError.self, "\(count) bytes") { try members(Array(nar.prefix(count))) }
    }
    #expect(try members(nar).count == 3)
  }
}

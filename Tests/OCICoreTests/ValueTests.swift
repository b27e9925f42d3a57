import OCICore
import Testing

/// What counts as a digest, a reference, a media type.
struct ValueTests {
  private static let hex64 = String(repeating: "0123456789abcdef", count: 4)

  @Test(arguments: [
    "", "sha256", "sha256:", "md5:", "MD5:00", "+a:00", "a+:00", "a++b:00", ":00", "md5:a/b", "md5:a.b", "z:\u{670}0",
    "sha256:\u{301}" + String(repeating: "a", count: 64),
    "sha256:" + String(repeating: "g", count: 64),
    "sha256:" + String(repeating: "A", count: 64), "sha256:" + String(repeating: "a", count: 63),
    "sha512:" + String(repeating: "a", count: 64), "sha256:" + String(repeating: "a", count: 64) + "\n",
    "sha256:../../" + String(repeating: "a", count: 58),
  ])
  func wrongDigestsAreRefused(text: String) {
    let error = #expect(throws: OCIError.self) { try Digest(text) }
    #expect(error?.code == .invalidDigest)
  }

  @Test func digestsAreThoseOfTheStandard() throws {
    #expect(
      Digest.of(Array("abc".utf8)).description
        == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    let sha512 = Digest.of([], using: .sha512)
    #expect(sha512.hex.hasPrefix("cf83e1357eefb8bdf1542850d66d8007"))
    #expect(try Digest(sha512.description) == sha512)
  }

  @Test(arguments: [
    ("ghcr.io/team/app:1.0", "ghcr.io", "team/app", "1.0"), ("localhost/app", "localhost", "app", nil),
    ("127.0.0.1:5000/a/b/c:latest", "127.0.0.1:5000", "a/b/c", "latest"), ("registry:80/a", "registry:80", "a", nil),
    ("[::1]:5000/a__b-c---d.e:X_y.z-1", "[::1]:5000", "a__b-c---d.e", "X_y.z-1"),
  ])
  func referencesHaveHostRepositoryAndTag(text: String, host: String, repository: String, tag: String?) throws {
    let reference = try ImageReference(text)
    #expect(reference.host == host)
    #expect(reference.repository == repository)
    #expect(reference.tag == tag)
    #expect(reference.description == text)
  }

  @Test(arguments: [
    ("ubuntu", "docker.io/library/ubuntu", "ubuntu"),
    ("ubuntu:24.04", "docker.io/library/ubuntu:24.04", "ubuntu:24.04"),
    ("team/app", "docker.io/team/app", "team/app"), ("docker.io/app:1", "docker.io/library/app:1", "app:1"),
    ("index.docker.io/library/a", "docker.io/library/a", "a"),
    // `a/b` of the hub's `library` is another repository than `a/b`.
    ("docker.io/library/a/b", "docker.io/library/a/b", "docker.io/library/a/b"),
    ("localhost/app", "localhost/app", "localhost/app"), ("a.b/c", "a.b/c", "a.b/c"),
    ("a:5000/c", "a:5000/c", "a:5000/c"),
    ("docker.io/localhost/app", "docker.io/localhost/app", "docker.io/localhost/app"),
    ("app:5000", "docker.io/library/app:5000", "app:5000"),
    // An image's id alone is no name, but with a tag or a host it is one.
    (hex64 + ":a", "docker.io/library/\(hex64):a", hex64 + ":a"), ("a.b/" + hex64, "a.b/" + hex64, "a.b/" + hex64),
  ])
  func shortNamesAreThoseOfDockerHub(text: String, full: String, familiar: String) throws {
    let reference = try ImageReference(text)
    #expect(reference.description == full)
    #expect(try ImageReference(full, defaultHost: nil) == reference)
    #expect(reference.familiarName == familiar)
  }

  @Test func tagAndDigestMayStandTogether() throws {
    let digest = Digest.of([1])
    for (text, tag) in [("ghcr.io/a/b:1@\(digest)", "1"), ("ghcr.io/a/b@\(digest)", nil)] {
      let reference = try ImageReference(text)
      #expect(reference.tag == tag)
      #expect(reference.digest == digest)
      #expect(reference.description == text)
      #expect(reference.withoutTagOrDigest.description == "ghcr.io/a/b")
    }
    #expect(try ImageReference("app@\(digest)").description == "docker.io/library/app@\(digest)")
    #expect(try ImageReference("app:1").pinned(to: digest).description == "docker.io/library/app:1@\(digest)")
    #expect(try ImageReference("app@\(digest)").tagged("2").description == "docker.io/library/app:2")
    #expect(throws: OCIError.self) { try ImageReference("app").tagged("") }
  }

  @Test(arguments: ["app", "app:1.0", "team/app", "library/app:1"])
  func withoutADefaultHostAShortNameIsRefused(text: String) {
    let error = #expect(throws: OCIError.self) { try ImageReference(text, defaultHost: nil) }
    #expect(error?.message.contains("no registry host") == true)
  }

  @Test(arguments: [
    "", ":1", "@", "app:", "App", "Team/app", "ghcr.io/", "ghcr.io/App", "ghcr.io/a//b", "ghcr.io/a:", "ghcr.io/a:b c",
    "ghcr.io/a:-x", "ghcr.io/a_-b", "ghcr.io/a..b", "ghcr.io/-a", "ghcr.io/../a", "../a", "a/../b", "./a", "/a", "a/",
    "ghcr.io/a@sha256:1", "ghcr.io/a@", "http://a.b/c", "ghcr.io:x/a", "ghcr.io:0/a", "ghcr.io:+1/a", "ghcr.io:65536/a",
    "gh_cr.io/a", "ghcr.io/a:" + String(repeating: "t", count: 129), "ghcr.io/a___b", "ghcr.io/a/", "-a.b/c", "[::1/a",
    "[1]/a", "a.b/c\n", "a.b/c\u{0}", "a.b/\u{e9}", String(repeating: "a", count: 64),
    "a@b:" + String(repeating: "0", count: 31),
    "a@1b:" + String(repeating: "0", count: 32), "a@b:" + String(repeating: "g", count: 32),
    "a.b/" + String(repeating: "a", count: 256),
  ])
  func wrongReferencesAreRefused(text: String) {
    let error = #expect(throws: OCIError.self) { try ImageReference(text) }
    #expect(error?.code == .invalidReference)
    #expect(error?.message.utf8.count ?? 0 < 700)
  }

  @Test(arguments: ["user@ghcr.io/a", "user:secret@ghcr.io/a:1"])
  func aReferenceWithAPasswordIsRefusedAndNotShown(text: String) {
    let error = #expect(throws: OCIError.self) { try ImageReference(text) }
    #expect(error?.message.contains("user") == true)
    #expect(error?.message.contains("secret") == false)
  }

  @Test(arguments: [
    ("localhost:5000/a", true), ("127.0.0.1/a", true), ("127.9.9.9:1/a", true), ("[::1]:5000/a", true),
    ("127.0.0.1.example.com/a", false), ("localhost.example.com/a", false), ("10.0.0.1/a", false),
    ("[::2]:5000/a", false),
  ])
  func onlyThisMachineIsLoopback(text: String, isLoopback: Bool) throws {
    #expect(try ImageReference(text).isLoopback == isLoopback)
  }

  @Test func mediaTypesLoseTheirParameters() throws {
    #expect(try MediaType("application/vnd.oci.image.index.v1+json; charset=utf-8") == .imageIndex)
    #expect(throws: OCIError.self) { try MediaType("json") }
    #expect(throws: OCIError.self) { try MediaType("a/b/c") }
  }
}

/// The parser of references against the grammar as the distribution project writes it, on every short text.
struct ReferenceOracleTests {
  /// What a reference is made of, by regular expressions.
  private struct Oracle {
    let host = /(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?/
    let repository =
      /[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*/
    let tag = /[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}/

    func parts(_ text: String) -> [String?]? {
      var (host, rest) = ("docker.io", text[...])
      if let slash = text.firstIndex(of: "/") {
        let first = text[..<slash]
        if first.contains(where: { ".:".contains($0) || $0.isUppercase }) || first == "localhost" {
          host = String(first)
          rest = text[slash...].dropFirst()
        }
      }
      let colon = rest.lastIndex(of: ":")
      var name = String(rest[..<(colon ?? rest.endIndex)])
      let tag = colon.map { String(rest[$0...].dropFirst()) }
      // Ours alone: a host is known by a dot or a port, and a port is a number that can be one.
      let isKnown = host == "localhost" || host.contains(".") || host.contains(":")
      let port = host.split(separator: ":", omittingEmptySubsequences: false).dropFirst().first
      if host == "docker.io", !name.contains("/") { name = "library/" + name }
      guard isKnown, host.wholeMatch(of: self.host) != nil, name.wholeMatch(of: repository) != nil else { return nil }
      if let port, UInt16(port) ?? 0 == 0 { return nil }
      if let tag, tag.wholeMatch(of: self.tag) == nil { return nil }
      return [host, name, tag]
    }
  }

  private func check(_ text: String, _ oracle: Oracle) {
    let reference = try? ImageReference(text)
    let parts = reference.map { [$0.host, $0.repository, $0.tag] }
    #expect(parts == oracle.parts(text), "'\(text)'")
    if let reference { #expect((try? ImageReference(reference.description)) == reference) }
  }

  @Test func everyShortTextIsReadAsTheGrammarHasIt() {
    let oracle = Oracle()
    let alphabet = Array("aA1._-:/")
    var texts = [""]
    for _ in 0..<4 {
      texts = texts.flatMap { text in alphabet.map { text + String($0) } }
      for text in texts { check(text, oracle) }
    }
  }

  @Test func randomTextsAreReadAsTheGrammarHasIt() {
    let oracle = Oracle()
    var random = RandomDocuments(seed: 7)
    let pieces = ["a", "b0", "A", ".", "_", "__", "-", ":", "/", "localhost", "docker.io", "a.b", ":80", "latest"]
    for _ in 0..<20_000 { check((0..<random.number(9)).map { _ in random.pick(pieces) }.joined(), oracle) }
  }
}

import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Registry

/// Proxies, mirrors and what else the machine's configuration says.
struct SettingsTests {
  // MARK: Proxies

  @Test(arguments: [
    ("https://ghcr.io/", "secure"), ("http://ghcr.io/", "plain"), ("https://localhost:5000/", nil),
    ("http://127.0.0.1:5000/", nil), ("https://[::1]:5000/", nil), ("https://r.corp/", nil), ("https://a.r.corp/", nil),
    ("https://xr.corp/", "secure"), ("https://10.1.2.3/", nil), ("https://11.1.2.3/", "secure"),
    ("https://exact.io:8443/", nil), ("https://exact.io/", "secure"), ("https://a.star.io/", nil),
  ])
  func proxiesAreForWhatIsNotExcepted(url: String, host: String?) throws {
    let variables = [
      "HTTPS_PROXY": "http://u:p%40ss@secure:3129", "http_proxy": "plain",
      "NO_PROXY": "r.corp, 10.0.0.0/8,exact.io:8443 *.star.io",
    ]
    let settings = ProxySettings { variables[$0] }
    #expect(settings.proxy(for: try #require(RegistryURL(url)))?.host == host)
    #expect(settings.https == .init(host: "secure", port: 3129, credentials: Credentials(user: "u", password: "p@ss")))
    #expect(settings.http?.port == 3128)
    #expect(ProxySettings.none.proxy(for: try #require(RegistryURL(url))) == nil)
  }

  @Test(arguments: ["socks5://x", "http://", "http://x:0", "http://x:99999", "x:y"])
  func whatIsNoProxyIsNone(text: String) { #expect(ProxySettings.Proxy(text) == nil) }

  // MARK: Mirrors

  private static let file = """
    unqualified-search-registries = ["docker.io", 'quay.io'] # a comment
    short-name-mode="enforcing"

    [[registry]]
    prefix = "docker.io/library"
    location = "hub.corp/library"
      [[registry.mirror]]
      location = "mirror.corp/hub"
      insecure = true
      [[registry.mirror]]
      location = "second.corp"
      pull-from-mirror = "digest-only"

    [[registry]]
    location = "docker.io"
    mirror-by-digest-only = true
    [[registry.mirror]]
    location = "digests.corp"

    [[registry]]
    prefix = "*.evil.io"
    blocked = true

    [[registry]]
    location = "plain.corp:5000"
    insecure = true
    """

  private func settings(_ text: String = file) throws -> MirrorSettings {
    var settings = MirrorSettings()
    try settings.add(ConfigurationFile(parsing: text))
    return settings
  }

  @Test(arguments: [
    ("docker.io/library/app:1", false, ["mirror.corp/hub/app!", "hub.corp/library/app"]),
    ("docker.io/library/app:1", true, ["mirror.corp/hub/app!", "second.corp/app!", "hub.corp/library/app"]),
    ("docker.io/team/app:1", false, ["docker.io/team/app"]),
    ("docker.io/team/app:1", true, ["digests.corp/team/app!", "docker.io/team/app"]),
    ("ghcr.io/team/app:1", true, ["ghcr.io/team/app"]), ("docker.io.corp/app:1", true, ["docker.io.corp/app"]),
  ])
  func pullsLookAtMirrorsFirst(reference: String, isDigest: Bool, expected: [String]) throws {
    let reference = try ImageReference(reference).withoutTagOrDigest
    let places = try settings().places(for: reference, isDigest: isDigest)
    #expect(places.map { "\($0.reference)\($0.isMirror ? "!" : "")" } == expected)
  }

  @Test func blockedRegistriesAreNotAsked() throws {
    #expect {
      try settings().places(for: ImageReference(host: "a.evil.io", repository: "x"), isDigest: true)
    } throws: { ($0 as? RegistryError)?.code == .blocked }
    #expect(try settings().isInsecure("plain.corp:5000") && settings().isInsecure("mirror.corp"))
    #expect(try !settings().isInsecure("docker.io"))
  }

  @Test(arguments: [
    ("[[registry]\nlocation = 1", 1), ("a = ", 1), ("a = \"x", 1), ("\n\na = [\"x\"", 3), ("a = {}", 1),
    ("a = \"x\"\na = \"y\"", 2), ("= 1", 1), ("a \"x\"", 1), ("a = \"\\q\"", 1), ("[x] y", 1),
  ])
  func whatIsNotUnderstoodHasItsLine(text: String, line: Int) {
    do throws(ConfigurationFile.Failure) {
      _ = try ConfigurationFile(parsing: text)
      Issue.record("\(text) is taken")
    } catch {
      #expect(error.line == line)
    }
  }

  @Test func textsAndArraysAreRead() throws {
    let file = try ConfigurationFile(
      parsing:
        "a = \"x # \\\"y\\\"\\n\" # z\r\n'b.c' = [\n 'one', # first\n \"two]\",\n]\nd = true\ne = -5\n[t]\n\"f\" = 'g\\'"
    )
    #expect(
      file.tables.map(\.values) == [
        ["a": .text("x # \"y\"\n"), "b.c": .texts(["one", "two]"]), "d": .flag(true), "e": .number(-5)],
        ["f": .text("g\\")],
      ])
  }

  @Test func filesAreFoundByTheEnvironment() throws {
    try SettingsTests.withFiles { home in
      let variables = ["HOME": home.string]
      let settings = try MirrorSettings { variables[$0] }
      #expect(settings.rules.contains { $0.prefix == "dropped.corp" })
      #expect(settings.rules.contains { $0.prefix == "docker.io/library" })
    }
  }

  private static func withFiles(_ body: (FilePath) throws -> Void) throws {
    let home = FilePath("/tmp/flywheel-settings-\(UInt64.random(in: 0 ... .max))")
    let directory = home.appending(".config/containers/registries.conf.d")
    _ = try FileSystem.createDirectories(directory)
    defer { _ = try? FileSystem.names(in: directory).map { FileSystem.removeFile(directory.appending($0)) } }
    try FileSystem.replace(
      home.appending(".config/containers/registries.conf"), with: Array(file.utf8), isDurable: false)
    try FileSystem.replace(
      directory.appending("x.conf"), with: Array("[[registry]]\nlocation='dropped.corp'".utf8), isDurable: false)
    try body(home)
  }

  @Test func aMirrorIsAskedBeforeTheRegistryAndPassedOverWhenItFails() async throws {
    try await withTestRegistry { mirror in
      try await withTestRegistry { registry in
        let image = SampleImage(seed: 1)
        try await image.push(to: registry.repository(), tags: ["1"])
        var configuration = RegistryConfiguration()
        var rule = MirrorSettings.Rule(prefix: registry.server.address)
        rule.mirrors = [.init(location: "\(mirror.server.address)/cache")]
        configuration.mirrors.rules = [rule]
        configuration.maximumAttempts = 1
        try await RegistryClient.using(configuration) { client in
          let repository = try client.repository(host: registry.server.address, name: "team/app")
          // The mirror lacks it: the registry answers.
          #expect(try await repository.resolve("1") == image.manifest)
          #expect(mirror.count("HEAD", "/v2/cache/team/app/manifests/1") == 1)
          mirror.server.faults.answers = [.init(path: "/v2/", status: 500, times: 10)]
          let blob = image.blobs[0]
          #expect(try await repository.fetch(blob.descriptor).collect(upTo: 1 << 20) == blob.bytes)
          mirror.server.faults.answers = []
          try await image.push(to: mirror.repository("cache/team/app"), tags: ["1"])
          registry.server.forgetRequests()
          #expect(try await repository.resolve("1") == image.manifest)
          for blob in image.blobs { _ = try await repository.fetch(blob.descriptor).collect(upTo: 1 << 20) }
          #expect(registry.server.requests.isEmpty)
          // What is pushed goes where it is addressed.
          try await image.push(to: repository, tags: ["2"])
          #expect(registry.count("PUT", "/manifests/2") == 1 && mirror.count("PUT", "/manifests/2") == 0)
        }
      }
    }
  }
}

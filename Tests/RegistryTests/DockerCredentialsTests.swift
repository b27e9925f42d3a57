import OCITesting
import SystemPackage
import Testing

@testable import Registry

struct DockerCredentialsTests {
  @Test(arguments: [
    ("r.io", "a/b", "user"), ("r.io", "team/app", "team"), ("r.io", "team/app/x", "app"), ("old.io", "a", "old"),
    ("plain.io:5000", "a", "plain"), ("docker.io", "library/x", "hub"), ("none.io", "a", nil), ("r.i", "o", nil),
  ])
  func theMostSpecificEntryIsFound(host: String, repository: String, user: String?) {
    func auth(_ user: String) -> String { #"{"auth":"\#(Base64.encode(Array("\(user):p:w".utf8)))"}"# }
    let document = """
      {"auths":{"r.io":\(auth("user")),"r.io/team":\(auth("team")),"r.io/team/app/x":\(auth("app")),
      "https://old.io/v1/":\(auth("old")),"plain.io:5000":{"username":"plain","password":"p:w"},
      "https://index.docker.io/v1/":\(auth("hub")),"empty.io":{}},"credsStore":"x"}
      """
    let credentials = DockerCredentials { $0 == "DOCKER_AUTH_CONFIG" ? document : nil }
    let found = credentials.credentials(host: host, repository: repository)
    #expect(found == user.map { Credentials(user: $0, password: "p:w") })
  }

  @Test func sourcesHaveAnOrder() async throws {
    try await withTemporaryDirectory { home in
      let names = ["REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "DOCKER_CONFIG"]
      func write(_ path: FilePath, _ user: String) throws {
        let file = try FileDescriptor.open(
          path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        try file.closeAfter {
          _ = try file.writeAll(Array(#"{"auths":{"r.io":{"username":"\#(user)","password":"p"}}}"#.utf8))
        }
      }
      try write(home.appending("auth.json"), "podman")
      try write(home.appending("config.json"), "docker")
      let values = ["REGISTRY_AUTH_FILE": home.appending("auth.json").string, "DOCKER_CONFIG": home.string]
      let both = DockerCredentials { values[$0] }
      #expect(both.credentials(host: "r.io", repository: "a")?.user == "podman")
      let docker = DockerCredentials { $0 == names[2] ? home.string : nil }
      #expect(docker.credentials(host: "r.io", repository: "a")?.user == "docker")
      #expect(DockerCredentials { _ in nil }.credentials(host: "r.io", repository: "a") == nil)
    }
  }

  @Test(arguments: 0...20) func base64GoesThereAndBack(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 97 &+ 200) }
    let text = Base64.encode(bytes)
    #expect(Base64.decode(text) == bytes)
    #expect(Base64.decode(String(text.prefix { $0 != "=" })) == bytes)
    #expect(Base64.decode(text + "!") == nil)
  }
}

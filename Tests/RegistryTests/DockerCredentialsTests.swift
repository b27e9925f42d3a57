import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// The files and helpers in which docker, podman and skopeo keep credentials.
struct DockerCredentialsTests {
  private func auth(_ user: String) -> String { #"{"auth":"\#(Data("\(user):p:w".utf8).base64EncodedString())"}"# }

  @Test(arguments: [
    ("r.io", "a/b", "user"), ("r.io", "team/app", "team"), ("r.io", "team/app/x", "app"), ("old.io", "a", "old"),
    ("plain.io:5000", "a", "plain"), ("docker.io", "library/x", "hub"), ("none.io", "a", nil), ("r.i", "o", nil),
  ])
  func theMostSpecificEntryIsFound(host: String, repository: String, user: String?) async throws {
    let document = """
      {"auths":{"r.io":\(auth("user")),"r.io/team":\(auth("team")),"r.io/team/app/x":\(auth("app")),
      "https://old.io/v1/":\(auth("old")),"plain.io:5000":{"username":"plain","password":"p:w"},
      "https://index.docker.io/v1/":\(auth("hub")),"empty.io":{}}}
      """
    let credentials = DockerCredentials { $0 == "DOCKER_AUTH_CONFIG" ? document : nil }
    let found = try await credentials.credentials(host: host, repository: repository)
    #expect(found == user.map { Credentials(user: $0, password: "p:w") })
    #expect(found == nil || found?.description == "credentials of \(user ?? "") from $DOCKER_AUTH_CONFIG")
  }

  @Test func tokensAndUnpaddedNamesAreRead() async throws {
    let document = """
      {"auths":{"id.io":{"identitytoken":"refresh","auth":"ignored"},"reg.io":{"registrytoken":"access"},
      "bare.io":{"auth":"dTpwdw"},"nul.io":{"auth":"\(Data("u:pw\0\0".utf8).base64EncodedString())"},
      "bad.io":{"auth":"***"},"worse.io":{"auth":"\(Data("nocolon".utf8).base64EncodedString())"}}}
      """
    let credentials = DockerCredentials { $0 == "DOCKER_AUTH_CONFIG" ? document : nil }
    #expect(try await credentials.credentials(host: "id.io", repository: "a") == .identityToken("refresh"))
    #expect(try await credentials.credentials(host: "reg.io", repository: "a") == .accessToken("access"))
    for host in ["bare.io", "nul.io"] {
      let found = try await credentials.credentials(host: host, repository: "a")
      #expect(found == Credentials(user: "u", password: "pw"))
    }
    #expect(credentials.problems.count == 2 && credentials.problems.allSatisfy { $0.contains(".io") })
  }

  @Test(arguments: [
    "{", "[]", #"{"auths":[]}"#, #"{"auths":{"r.io":{"auth":5}}}"#, #"{"credHelpers":{"r.io":"../../bin/sh"}}"#,
    #"{"credsStore":7}"#,
  ])
  func brokenFilesAreProblemsAndNoErrors(document: String) async throws {
    let credentials = DockerCredentials { $0 == "DOCKER_AUTH_CONFIG" ? document : nil }
    #expect(credentials.problems.count == 1)
    #expect(try await credentials.credentials(host: "r.io", repository: "a") == nil)
  }

  @Test func sourcesHaveAnOrder() async throws {
    try await withTemporaryDirectory { home in
      for (name, user) in [("auth.json", "podman"), ("config.json", "docker")] {
        try write(home.appending(name), #"{"auths":{"r.io":{"username":"\#(user)","password":"p"}}}"#)
      }
      let values = ["REGISTRY_AUTH_FILE": home.appending("auth.json").string, "DOCKER_CONFIG": home.string]
      func user(_ variable: @escaping (String) -> String?) async throws -> String? {
        try await DockerCredentials(variable: variable).credentials(host: "r.io", repository: "a")?.user
      }
      #expect(try await user { values[$0] } == "podman")
      #expect(try await user { $0 == "DOCKER_CONFIG" ? home.string : nil } == "docker")
      #expect(try await user { _ in nil } == nil)
    }
  }

  // MARK: Helpers

  private func write(_ path: FilePath, _ text: String, isProgram: Bool = false) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path.string))
    if isProgram { try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path.string) }
  }

  /// A helper that keeps secrets in a directory, as the protocol says: errors go to standard output.
  private static let helper = """
    #!/bin/sh
    dir=$(dirname "$0")/secrets
    mkdir -p "$dir"
    case $1 in
    get)
      name=$(cat | tr -c 'a-z0-9.\\n' _)
      if [ "$name" = slow.io ]; then sleep 100; fi
      if [ "$name" = broken.io ]; then echo "the keychain is locked"; exit 1; fi
      if [ -f "$dir/$name" ]; then cat "$dir/$name"; else echo "credentials not found in native keychain"; exit 1; fi ;;
    store)
      input=$(cat)
      name=$(printf %s "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' | tr -c 'a-z0-9.\\n' _)
      printf %s "$input" > "$dir/$name" ;;
    erase) rm -f "$dir/$(cat | tr -c 'a-z0-9.\\n' _)" ;;
    esac
    """

  /// Runs in a process of its own, because helpers are looked up in `PATH`.
  private func withHelper(_ body: @escaping @Sendable (FilePath) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      try write(directory.appending("docker-credential-test"), Self.helper, isProgram: true)
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      setenv("PATH", "\(directory):\(path)", 1)
      defer { setenv("PATH", path, 1) }
      try await body(directory)
    }
  }

  @Test func helpersAreAskedBeforePlainEntries() async throws {
    try await withHelper { directory in
      let file = directory.appending("config.json")
      try write(file, #"{"credsStore":"test","auths":{"plain.io":{"username":"u","password":"p"},"kept.io":{}}}"#)
      let login = LoginFile(file)
      #expect(
        try await login.save(Credentials(user: "alice", password: "s"), for: "kept.io") == "docker-credential-test")
      #expect(try await login.save(.identityToken("t"), for: "docker.io") == "docker-credential-test")
      let text = try String(contentsOfFile: file.string, encoding: .utf8)
      #expect(!text.contains("alice") && text.contains("kept.io"))
      let credentials = DockerCredentials {
        $0 == "DOCKER_CONFIG" ? directory.string : $0 == "PATH" ? ProcessInfo.processInfo.environment["PATH"] : nil
      }
      #expect(try await credentials.credentials(host: "kept.io", repository: "a")?.user == "alice")
      #expect(try await credentials.credentials(host: "kept.io", repository: "a")?.origin == "docker-credential-test")
      #expect(try await credentials.credentials(host: "docker.io", repository: "library/x") == .identityToken("t"))
      #expect(try await credentials.credentials(host: "plain.io", repository: "a")?.user == "u")
      #expect(try await credentials.credentials(host: "none.io", repository: "a") == nil)
      await #expect {
        _ = try await credentials.credentials(host: "broken.io", repository: "a")
      } throws: {
        guard let error = $0 as? RegistryError else { return false }
        return error.code == .credentialsUnavailable && error.message.contains("the keychain is locked")
      }
      #expect(try await login.remove("kept.io"))
      #expect(try await credentials.credentials(host: "kept.io", repository: "a") == nil)
    }
  }

  @Test func aHelperOfAnotherMachineIsPassedOver() async throws {
    let document = #"{"credsStore":"desktop-of-a-laptop","auths":{"plain.io":{"username":"u","password":"p"}}}"#
    let credentials = DockerCredentials { $0 == "DOCKER_AUTH_CONFIG" ? document : nil }
    #expect(try await credentials.credentials(host: "r.io", repository: "a") == nil)
    #expect(try await credentials.credentials(host: "plain.io", repository: "a")?.user == "u")
    #expect(credentials.problems.count == 1 && credentials.problems[0].contains("not installed"))
  }

  // MARK: Logging in

  @Test func aLoginKeepsWhatItDoesNotKnowAndIsPrivate() async throws {
    try await withTemporaryDirectory { home in
      let file = home.appending("deep/er/config.json")
      let login = LoginFile(file)
      #expect(try await login.save(Credentials(user: "u", password: "p:ä"), for: "r.io:5000") == file.string)
      try write(
        file,
        try String(contentsOfFile: file.string, encoding: .utf8).replacingOccurrences(
          of: "{\n  \"auths\"", with: "{\n  \"psFormat\": \"x\",\n  \"auths\""))
      _ = try await login.save(Credentials(user: "team", password: "q"), for: "r.io:5000/team")
      _ = try await login.save(Credentials(user: "hub", password: "q"), for: "docker.io")
      let mode = try FileManager.default.attributesOfItem(atPath: file.string)[.posixPermissions] as? Int
      #expect(mode == 0o600)
      let text = try String(contentsOfFile: file.string, encoding: .utf8)
      #expect(text.contains("psFormat") && text.contains("https://index.docker.io/v1/"))
      let credentials = DockerCredentials { $0 == "REGISTRY_AUTH_FILE" ? file.string : nil }
      #expect(
        try await credentials.credentials(host: "r.io:5000", repository: "x") == Credentials(user: "u", password: "p:ä")
      )
      #expect(try await credentials.credentials(host: "r.io:5000", repository: "team/x")?.user == "team")
      #expect(try await login.remove("r.io:5000"))
      #expect(try await login.remove("docker.io"))
      #expect(try await !login.remove("r.io:5000"))
      #expect(try String(contentsOfFile: file.string, encoding: .utf8).contains("psFormat"))
    }
  }

  @Test func aBrokenFileIsNotOverwritten() async throws {
    try await withTemporaryDirectory { home in
      let file = home.appending("config.json")
      try write(file, "{ broken")
      await #expect(throws: OCIError.self) {
        _ = try await LoginFile(file).save(Credentials(user: "u", password: "p"), for: "r.io")
      }
      #expect(try String(contentsOfFile: file.string, encoding: .utf8) == "{ broken")
    }
  }

  @Test func noDescriptionShowsTheSecret() {
    for credentials in [
      Credentials(user: "u", password: "hunter2"), .identityToken("hunter2"), .accessToken("hunter2", origin: "file"),
    ] {
      var dumped = ""
      dump(credentials, to: &dumped)
      for text in ["\(credentials)", String(reflecting: credentials), dumped, "\([credentials])"] {
        #expect(!text.contains("hunter2"))
      }
    }
  }
}

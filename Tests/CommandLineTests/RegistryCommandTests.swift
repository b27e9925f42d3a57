import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// The command line against registries that work, and that do not.
struct RegistryCommandTests {
  private static var program: String {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("flywheel").path
  }

  private func build(in directory: FilePath, _ arguments: [String]) async throws -> Tool.Result {
    try await Tool.result(
      of: Self.program, ["build", "--no-cache", "--closure", "closure.json", "--compression", "none"] + arguments,
      in: directory)
  }

  /// A closure of one path with one file of that many bytes.
  private func makeClosure(in directory: FilePath, bytes: Int) throws {
    let path = directory.appending("path")
    try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
    var generator = SeededGenerator(seed: 1)
    try Data(generator.bytes(bytes)).write(to: URL(fileURLWithPath: path.appending("file").string))
    try #"[{"path":"\#(path)","narSize":\#(bytes),"references":[]}]"#.write(
      toFile: directory.appending("closure.json").string, atomically: false, encoding: .utf8)
  }

  @Test func buildPushesAndASecondTagIsOneRequest() async throws {
    try await withTemporaryDirectory { directory in
      try makeClosure(in: directory, bytes: 3 << 20)
      try await withTestRegistry { registry in
        let name = "docker://\(registry.server.address)/team/app"
        let result = try await build(in: directory, ["--to", "\(name):1", "--to", "\(name):2", "--json"])
        #expect(result.status == 0, "\(result.errors)")
        let object = try JSON(parsing: result.output).objectValue
        #expect(object?["uploaded"]?.arrayValue?.count == 1)
        #expect(registry.count("PUT", "/manifests/") == 1)
        #expect(try await registry.repository().resolve("2")?.digest.description == object?["digest"]?.stringValue)
        registry.server.forgetRequests()
        let again = try await build(in: directory, ["--to", "\(name):1", "--to", "\(name):2"])
        #expect(again.status == 0)
        #expect(registry.server.requests.map(\.method) == ["HEAD", "HEAD"])
      }
    }
  }

  @Test func aDryRunOfABuildSendsNothing() async throws {
    try await withTemporaryDirectory { directory in
      try makeClosure(in: directory, bytes: 200_000)
      try await withTestRegistry { registry in
        let name = "docker://\(registry.server.address)/team/app:1"
        let result = try await build(in: directory, ["--to", name, "--dry-run", "--json"])
        #expect(result.status == 0, "\(result.errors)")
        let plan = try JSON(parsing: result.output).objectValue?["plans"]?.arrayValue?.first?.objectValue
        // The layer, the configuration and the manifest.
        #expect(plan?["send"]?.arrayValue?.count == 3)
        #expect(registry.server.requests.allSatisfy { $0.method == "HEAD" })
        let digest = try JSON(parsing: result.output).objectValue?["digest"]?.stringValue
        #expect(try await build(in: directory, ["--to", name]).output == "\(digest ?? "")\n")
      }
    }
  }

  @Test func credentialsComeFromAFileAndTheirLackHasItsCode() async throws {
    try await withTemporaryDirectory { directory in
      try makeClosure(in: directory, bytes: 10)
      var faults = RegistryFaults()
      faults.authentication = .bearer(Credentials(user: "user", password: "secret"))
      try await withTestRegistry(faults: faults) { registry in
        let destination = "docker://\(registry.server.address)/team/app:1"
        let arguments = ["build", "--quiet", "--no-cache", "--closure", "closure.json", "--to", destination]
        let home = ["HOME": directory.string, "XDG_RUNTIME_DIR": directory.string, "DOCKER_CONFIG": "/nonexistent"]
        let refused = try await Tool.result(of: Self.program, arguments, in: directory, environment: home)
        #expect(refused.status == 77)
        let login = Data("user:secret".utf8).base64EncodedString()
        try #"{"auths":{"\#(registry.server.address)":{"auth":"\#(login)"}}}"#.write(
          toFile: directory.appending("auth.json").string, atomically: false, encoding: .utf8)
        let accepted = try await Tool.result(
          of: Self.program, arguments, in: directory,
          environment: home.merging(["REGISTRY_AUTH_FILE": "auth.json"]) { $1 })
        #expect(accepted.status == 0, "\(accepted.errors)")
      }
    }
  }

  /// How a registry fails, and the exit code that says so.
  struct Failure: Sendable, CustomTestStringConvertible {
    var name: String
    var faults: RegistryFaults
    var code: Int32
    var testDescription: String { name }

    init(_ name: String, code: Int32, _ change: (inout RegistryFaults) -> Void) {
      self.name = name
      self.code = code
      faults = RegistryFaults()
      change(&faults)
    }
  }

  static let failures = [
    Failure("connection closed in every upload", code: 75) { $0.uploads = (1...Int.max, .dropAfter(bytes: 1000)) },
    Failure("overloaded", code: 69) {
      $0.answers = [.init(path: "/blobs/uploads/", status: 503, headers: ["Retry-After": "0"], times: .max)]
    },
    Failure("refuses", code: 79) {
      $0.answers = [
        .init(
          method: "POST", path: "/blobs/uploads/", status: 400,
          body: #"{"errors":[{"code":"DENIED","message":"quota exceeded"}]}"#, times: .max)
      ]
    },
    Failure("forbids", code: 77) {
      $0.answers = [.init(method: "POST", path: "/blobs/uploads/", status: 403, times: .max)]
    },
    Failure("speaks something else", code: 76) {
      $0.answers = [.init(method: "POST", path: "/blobs/uploads/", status: 202, times: .max)]
    },
  ]

  @Test(arguments: failures) func aRegistryThatFailsHasItsExitCodeAndKeepsTheOldTag(failure: Failure) async throws {
    try await withTemporaryDirectory { directory in
      try makeClosure(in: directory, bytes: 200_000)
      try await withTestRegistry { registry in
        let old = SampleImage(seed: 1)
        try await old.push(to: registry.repository(), tags: ["latest"])
        registry.server.faults = failure.faults
        let result = try await build(
          in: directory, ["--to", "docker://\(registry.server.address)/team/app:latest", "--quiet"])
        #expect(result.status == failure.code, "\(result.errors)")
        #expect(result.errors.contains(registry.server.address), "\(result.errors)")
        #expect(result.output == "")
        registry.server.faults = RegistryFaults()
        #expect(try await registry.repository().resolve("latest") == old.manifest)
        #expect(registry.server.openUploads == 0)
      }
    }
  }

  @Test(arguments: ["INT", "TERM"]) func anInterruptLeavesNothing(signal: String) async throws {
    try await withTemporaryDirectory { directory in
      try makeClosure(in: directory, bytes: 8 << 20)
      var faults = RegistryFaults()
      faults.uploads = (1...Int.max, .stallAfter(bytes: 1000))
      try await withTestRegistry(faults: faults) { registry in
        let script = """
          "$0" build --quiet --no-cache --closure closure.json --compression none --to "$1" & program=$!
          sleep 1; kill -\(signal) $program; wait $program
          """
        let result = try await Tool.result(
          of: "/bin/bash", ["-c", script, Self.program, "docker://\(registry.server.address)/team/app:latest"],
          in: directory)
        #expect(result.status == 130, "\(result.errors)")
        let tag = try await registry.repository().resolve("latest")
        #expect(tag == nil)
        for _ in 0..<100 where registry.server.openUploads > 0 { try await Task.sleep(for: .milliseconds(50)) }
        #expect(registry.server.openUploads == 0)
      }
    }
  }

  @Test func serveServesALayoutUntilItIsInterrupted() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 2)
      try await image.push(to: ImageLayoutStore(directory.appending("layout")), tags: ["1.0"])
      let script = """
        "$0" serve layout --port 0 > address & server=$!
        for i in $(seq 100); do grep -q http address && break; sleep 0.1; done
        touch ready; while [ ! -e done ]; do sleep 0.05; done
        kill -TERM $server; wait $server; echo $?
        """
      async let served = Tool.result(of: "/bin/bash", ["-c", script, Self.program], in: directory)
      while !FileManager.default.fileExists(atPath: directory.appending("ready").string) {
        try await Task.sleep(for: .milliseconds(50))
      }
      let line = try String(contentsOfFile: directory.appending("address").string, encoding: .utf8)
      let address = try #require(line.split(separator: "//").last).trimmingCharacters(in: .whitespacesAndNewlines)
      let client = RegistryClient()
      let found = try await client.repository(ImageReference("\(address)/any/name")).resolve("1.0")
      try await client.shutdown()
      #expect(found == image.manifest)
      try "".write(toFile: directory.appending("done").string, atomically: false, encoding: .utf8)
      #expect(try await served.output == "0\n")
    }
  }
}

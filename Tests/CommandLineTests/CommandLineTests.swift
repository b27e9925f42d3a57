import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

/// The command line as a script sees it: output, exit codes, and what is left behind.
struct CommandLineTests {
  /// A store path, its closure file, and the program to give them to.
  private struct Workspace {
    let directory: FilePath
    let path: FilePath
    let closure: FilePath

    init(_ directory: FilePath) throws {
      self.directory = directory
      path = directory.appending("store/aaaa-app")
      closure = directory.appending("closure.json")
      try FileManager.default.createDirectory(
        atPath: path.appending("bin").string, withIntermediateDirectories: true)
      try write("#!/bin/sh\n", to: path.appending("bin/run"))
      try write(#"[{"path":"\#(path)","narSize":100,"references":[]}]"#, to: closure)
    }

    func write(_ text: String, to path: FilePath) throws {
      try text.write(toFile: path.string, atomically: false, encoding: .utf8)
    }

    func program() -> String {
      URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("flywheel").path
    }

    func flywheel(_ arguments: String...) async throws -> Tool.Result {
      try await Tool.result(
        of: program(), arguments, in: directory, environment: ["XDG_CACHE_HOME": directory.appending("cache").string])
    }
  }

  private func withWorkspace(_ body: (Workspace) async throws -> Void) async throws {
    try await withTemporaryDirectory { try await body(try Workspace($0)) }
  }

  @Test func buildPrintsTheDigestAloneAndTheSameEverywhere() async throws {
    try await withWorkspace { work in
      let computed = try await work.flywheel("build", "--closure", "closure.json", "--copy-to-root", work.path.string)
      #expect(computed.status == 0, "\(computed.errors)")
      #expect(try Digest(computed.output.trimmingCharacters(in: .newlines)).algorithm == .sha256)
      let written = try await work.flywheel(
        "build", "--closure", "closure.json", "--copy-to-root", work.path.string, "--to", "oci:out:latest", "--to",
        "oci:out:1.0", "--no-cache", "--quiet")
      #expect(written.output == computed.output)
      #expect(written.errors == "")
      let index = try await ImageLayoutStore(work.directory.appending("out")).index()
      #expect(index?.manifests.compactMap { $0.annotations[AnnotationKey.referenceName] } == ["latest", "1.0"])
    }
  }

  @Test func localeTimeZoneAndUmaskChangeNoDigest() async throws {
    try await withWorkspace { work in
      try work.write("x", to: work.path.appending("bin/ümläut"))
      var outputs: Set<String> = []
      for setting in ["LC_ALL=C TZ=UTC", "LC_ALL=C.UTF-8 TZ=Asia/Kathmandu", "LC_ALL=tr_TR.UTF-8 TZ=America/St_Johns"] {
        for mask in ["000", "077"] {
          let result = try await Tool.result(
            of: "/bin/sh",
            [
              "-c",
              "umask \(mask); \(setting) \(work.program()) build --closure closure.json --no-cache --compression zstd:1",
            ], in: work.directory)
          #expect(result.status == 0, "\(result.errors)")
          outputs.insert(result.output)
        }
      }
      #expect(outputs.count == 1)
    }
  }

  @Test func buildWithJSONPrintsOneObject() async throws {
    try await withWorkspace { work in
      let result = try await work.flywheel("build", "--closure", "closure.json", "--to", "oci:out:latest", "--json")
      let object = try JSON(parsing: result.output).objectValue
      let layer = object?["layers"]?.arrayValue?.first?.objectValue
      #expect(object?["digest"] == object?["manifest"]?.objectValue?["digest"])
      #expect(layer?["paths"] == .strings([work.path.string]))
      for name in ["digest", "diffID"] { _ = try Digest(layer?[name]?.stringValue ?? "") }
      #expect((layer?["size"]?.integerValue ?? 0) > 0)
      let upload = object?["uploaded"]?.arrayValue?.first?.objectValue
      #expect(upload?["destination"] == .string("oci:out"))
      #expect(upload?["blobs"]?.arrayValue?.count == 2)
    }
  }

  @Test func planPrintsLayersFromTheBottom() async throws {
    try await withWorkspace { work in
      try work.write(
        #"[{"path":"/s/a","narSize":1,"references":[]},{"path":"/s/b","narSize":3,"references":["/s/a"]},{"path":"/s/c","narSize":2,"references":[]}]"#,
        to: work.closure)
      let result = try await work.flywheel("plan", "--closure", "closure.json", "--max-layers", "2", "--json")
      let layers = try JSON(parsing: result.output).objectValue?["layers"]?.arrayValue?.compactMap(\.objectValue)
      #expect(layers?.map { $0["paths"] } == [.strings(["/s/a", "/s/c"]), .strings(["/s/b"])])
      #expect(layers?.map { $0["bytes"]?.integerValue } == [3, 3])
      let text = try await work.flywheel("plan", "--closure", "closure.json")
      #expect(text.output.contains("layer 1: 2 B, one of the largest 3"))
    }
  }

  @Test func aPlanIsCarriedFromVersionToVersionAndExplained() async throws {
    try await withWorkspace { work in
      func closure(_ versions: [Int]) -> String {
        let nodes = versions.enumerated().map { index, version in
          #"{"path":"/s/p\#(index)x-\#(version)","narSize":\#(1000 * (index + 1)),"references":[]}"#
        }
        return "[\(nodes.joined(separator: ","))]"
      }
      func version(_ time: Int, _ versions: [Int]) -> String {
        #"{"time":\#(time),"graph":\#(closure(versions))}"# + "\n"
      }
      let old = [Int](repeating: 1, count: 12)
      var new = old
      new[0] = 2
      try work.write(closure(old), to: work.closure)
      let first = try await work.flywheel("plan", "--closure", "closure.json", "--max-layers", "4", "--json")
      try work.write(first.output, to: work.directory.appending("plan.json"))
      try work.write(version(1, old) + version(2, old) + version(3, new), to: work.directory.appending("history.jsonl"))
      try work.write(closure(new), to: work.closure)
      let next = try await work.flywheel(
        "plan", "--closure", "closure.json", "--max-layers", "4", "--previous", "plan.json", "--dead-bytes", "10",
        "--history", "history.jsonl", "--explain", "--json", "--html", "plan.html", "--layers-file", "layers.json")
      #expect(next.status == 0, "\(next.errors)")
      let plan = try #require(try JSON(parsing: next.output).objectValue)
      let layers = plan["layers"]?.arrayValue?.compactMap(\.objectValue) ?? []
      let paths = layers.flatMap { $0["paths"]?.arrayValue?.compactMap(\.stringValue) ?? [] }
      #expect(Set(paths) == Set(new.enumerated().map { "/s/p\($0)x-\($1)" }) && paths.count == 12)
      #expect(layers.allSatisfy { $0["changeProbability"] != nil && $0["expectedBytes"] != nil })
      #expect(layers.contains { $0["kept"] == .bool(true) })
      #expect(plan["explanation"]?.objectValue?["alternatives"]?.arrayValue?.isEmpty == false)
      let page = try String(contentsOfFile: work.directory.appending("plan.html").string, encoding: .utf8)
      #expect(page.contains("<svg") && page.contains("What updates pulled"))
      let list = try JSON(
        parsing: String(contentsOfFile: work.directory.appending("layers.json").string, encoding: .utf8))
      #expect(list.arrayValue?.count == layers.count)
      let text = try await work.flywheel("plan", "--closure", "closure.json", "--explain")
      #expect(text.output.contains("expected with the next version"))
    }
  }

  @Test func theImageItselfIsThePreviousPlan() async throws {
    try await withWorkspace { work in
      let built = try await work.flywheel("build", "--closure", "closure.json", "--to", "oci:out:latest")
      #expect(built.status == 0, "\(built.errors)")
      let plan = try await work.flywheel(
        "plan", "--closure", "closure.json", "--previous", "oci:out:latest", "--explain", "--json")
      #expect(plan.status == 0, "\(plan.errors)")
      let layers = try JSON(parsing: plan.output).objectValue?["layers"]?.arrayValue?.compactMap(\.objectValue)
      #expect(layers?.map { $0["kept"] } == [.bool(true)])
      let again = try await work.flywheel(
        "build", "--closure", "closure.json", "--previous", "oci:out:latest", "--dead-bytes", "10", "--to",
        "oci:out:latest")
      #expect(again.output == built.output)
      #expect(try await work.flywheel("plan", "--closure", "closure.json", "--previous", "oci:out:no").status == 66)
    }
  }

  @Test func aFleetIsPlannedAndPlannedAgain() async throws {
    try await withWorkspace { work in
      let line =
        #"{"time":1,"images":{"a":["/s/base","/s/a"],"b":["/s/base","/s/b"]},"graph":[{"path":"/s/base","narSize":900000,"references":[]},{"path":"/s/a","narSize":1,"references":[]},{"path":"/s/b","narSize":2,"references":[]}]}"#
      try work.write(line, to: work.directory.appending("fleet.jsonl"))
      let first = try await work.flywheel("plan", "fleet", "--history", "fleet.jsonl", "--max-layers", "2", "--json")
      #expect(first.status == 0, "\(first.errors)")
      let plan = try #require(try JSON(parsing: first.output).objectValue)
      #expect(plan["registryBytes"] == .integer(900_003) && plan["uniqueBytes"] == .integer(900_003))
      try work.write(first.output, to: work.directory.appending("fleet.json"))
      let next = try await work.flywheel(
        "plan", "fleet", "--history", "fleet.jsonl", "--max-layers", "2", "--previous", "fleet.json", "--json")
      #expect(try JSON(parsing: next.output).objectValue?["images"] == plan["images"])
      let text = try await work.flywheel("plan", "fleet", "--history", "fleet.jsonl", "--max-layers", "2")
      #expect(text.output.contains("2 images, 3 layers"))
      #expect(
        try await work.flywheel("plan", "fleet", "--history", "fleet.jsonl", "--previous", "closure.json").status == 65)
    }
  }

  @Test func aHistoryIsReplayed() async throws {
    try await withWorkspace { work in
      let lines = (0..<6).map { version in
        #"{"time":\#(version),"images":{"app":["/s/a-\#(version)","/s/b-1"]},"graph":[{"path":"/s/a-\#(version)","narSize":10,"references":[]},{"path":"/s/b-1","narSize":90,"references":[]}]}"#
      }
      try work.write(lines.joined(separator: "\n"), to: work.directory.appending("h.jsonl"))
      let result = try await work.flywheel(
        "plan", "replay", "--history", "h.jsonl", "--max-layers", "1", "2", "--strategy", "least-bytes",
        "single-layer", "--dead-bytes", "0", "10", "--json")
      #expect(result.status == 0, "\(result.errors)")
      let rows = try #require(
        try JSON(parsing: result.output).objectValue?["results"]?.arrayValue?.compactMap(\.objectValue))
      #expect(rows.count == 6)
      let own = rows.first { $0["strategy"] == .string("least-bytes") && $0["maxLayers"] == .integer(2) }
      #expect(own?["pulled"]?.objectValue?["mean"] == .number("0.100000"))
      #expect(own?["unavoidable"]?.objectValue?["mean"] == .number("0.100000"))
      let text = try await work.flywheel("plan", "replay", "--history", "h.jsonl", "--max-layers", "2")
      #expect(text.output.contains("rechunk-sticky"))
      let broken = try await work.flywheel("plan", "replay", "--history", "absent.jsonl")
      #expect(broken.status == 66)
      #expect(try await work.flywheel("plan", "--closure", "closure.json", "--strategy", "magic").status == 64)
      #expect(try await work.flywheel("plan", "--closure", "closure.json", "--previous", "closure.json").status == 65)
    }
  }

  @Test func optionsWinOverTheConfigurationFile() async throws {
    try await withWorkspace { work in
      try work.write(#"{"entrypoint":["/old"],"env":["A=1","B=2"]}"#, to: work.directory.appending("config.json"))
      let result = try await work.flywheel(
        "build", "--closure", "closure.json", "--config", "config.json", "--entrypoint", "/new", "--entrypoint",
        "--flag", "--env", "A=3", "--label", "l=v", "--user", "7", "--expose", "80/tcp", "--platform", "linux/arm64",
        "--annotation", "x=y", "--to", "oci:out:a")
      #expect(result.status == 0, "\(result.errors)")
      let store = ImageLayoutStore(work.directory.appending("out"))
      let descriptor = try #require(try await store.resolve("a"))
      let manifest = try ImageManifest(parsing: try await store.fetch(descriptor).collect(upTo: 1 << 20))
      let configuration = try ImageConfiguration(
        parsing: try await store.fetch(manifest.config).collect(upTo: 1 << 20))
      #expect(configuration.runtime.entrypoint == ["/new", "--flag"])
      #expect(configuration.runtime.environment == ["A=3", "B=2"])
      #expect(configuration.runtime.user == "7")
      #expect(configuration.platform == Platform(architecture: "arm64"))
      #expect(manifest.annotations == ["x": "y"])
    }
  }

  @Test func theClockAndTheEnvironmentChangeNothingUnlessAsked() async throws {
    try await withWorkspace { work in
      let script = """
        F="$0"; b() { "$F" build --quiet --no-cache --closure "$1"; }
        b closure.json; (umask 077; cd /; TZ=Asia/Tokyo LC_ALL=C b "$OLDPWD/closure.json")
        (export SOURCE_DATE_EPOCH=1700000000; b closure.json)
        """
      let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("flywheel").path
      let result = try await Tool.result(of: "/bin/sh", ["-c", script, program], in: work.directory)
      let digests = result.output.split(separator: "\n")
      #expect(digests.count == 3, "\(result.errors)")
      #expect(digests[0] == digests[1])
      #expect(digests[0] != digests[2])
    }
  }

  // MARK: Errors

  /// Input that is wrong, the exit code it gives, and what the message must name.
  struct BadInput: Sendable, CustomTestStringConvertible {
    var name: String
    var closure: String?
    var arguments: [String] = []
    var code: Int32
    var message: String
    var testDescription: String { name }
  }

  static let badInputs = [
    BadInput(name: "broken JSON", closure: "[{\n]", code: 65, message: "closure.json': line 2, column 1"),
    BadInput(
      name: "wrong field", closure: #"[{"path":"/a","narSize":true,"references":[]}]"#, code: 65,
      message: "closure[0].narSize"),
    BadInput(name: "no closure file", arguments: ["--closure", "absent.json"], code: 66, message: "absent.json"),
    BadInput(
      name: "missing store path", closure: #"[{"path":"/no/such/path","narSize":1,"references":[]}]"#, code: 66,
      message: "/no/such/path"),
    BadInput(
      name: "missing reference", closure: #"[{"path":"/etc","narSize":1,"references":["/no/such/ref"]}]"#, code: 67,
      message: "/no/such/ref"),
    BadInput(
      name: "cycle",
      closure: #"[{"path":"/a","narSize":1,"references":["/b"]},{"path":"/b","narSize":1,"references":["/a"]}]"#,
      code: 68, message: "/a -> /b -> /a"),
    BadInput(
      name: "registry down", arguments: ["--to", "docker://127.0.0.1:1/a:b"], code: 69, message: "127.0.0.1:1"),
    BadInput(name: "invalid reference", arguments: ["--to", "docker://ghcr.io/Team/app:1"], code: 78, message: "Team"),
    BadInput(name: "invalid tag", arguments: ["--to", "docker://ghcr.io/team/app:-1"], code: 78, message: "-1"),
    BadInput(name: "invalid layout tag", arguments: ["--to", "oci:out:a b"], code: 78, message: "a b"),
    BadInput(
      name: "password in a reference", arguments: ["--to", "docker://user:pw@ghcr.io/a:x"], code: 78, message: "log in"),
    BadInput(name: "unknown transport", arguments: ["--to", "ftp:out"], code: 78, message: "ftp:out"),
    BadInput(name: "unwritable layout", arguments: ["--to", "oci:/proc/out:a"], code: 73, message: "/proc/out"),
    BadInput(name: "unknown compression", arguments: ["--compression", "zip"], code: 64, message: "zip"),
    BadInput(
      name: "impossible creation time", arguments: ["--created", "yesterday"], code: 65, message: "yesterday"),
    BadInput(name: "impossible port", arguments: ["--expose", "foo bar"], code: 65, message: "foo bar"),
    BadInput(name: "no layers", arguments: ["--max-layers", "0"], code: 64, message: "max-layers"),
    BadInput(name: "no configuration", arguments: ["--config", "absent.json"], code: 66, message: "absent.json"),
  ]

  @Test(arguments: badInputs) func badInputHasItsExitCodeAndLeavesNothing(input: BadInput) async throws {
    try await withWorkspace { work in
      if let closure = input.closure { try work.write(closure, to: work.closure) }
      let hasClosure = input.arguments.contains("--closure")
      let hasDestination = input.arguments.contains("--to")
      let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("flywheel").path
      let result = try await Tool.result(
        of: program,
        ["build", "--no-cache", "--quiet"] + (hasClosure ? [] : ["--closure", "closure.json"]) + input.arguments
          + (hasDestination ? [] : ["--to", "oci:out:latest"]), in: work.directory)
      #expect(result.status == input.code, "\(result.errors)")
      #expect(result.errors.contains(input.message), "\(result.errors)")
      #expect(result.output == "")
      #expect(!FileManager.default.fileExists(atPath: work.directory.appending("out").string))
    }
  }

  @Test(arguments: [">/dev/full", ">&-"]) func aResultThatCannotBePrintedIsNoSuccess(redirection: String) async throws {
    try await withWorkspace { work in
      let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("flywheel").path
      let script = #""$0" build --quiet --no-cache --closure closure.json --to oci:out:a \#(redirection)"#
      let result = try await Tool.result(of: "/bin/sh", ["-c", script, program], in: work.directory)
      #expect(result.status == 73)
      #expect(result.errors.contains("standard output"))
      // What was closed must not become part of a blob.
      let store = ImageLayoutStore(work.directory.appending("out"))
      #expect(try await store.resolve("a") != nil)
    }
  }

  @Test func whatIsDoneBeforeAFailureIsSaid() async throws {
    try await withWorkspace { work in
      let result = try await work.flywheel(
        "build", "--closure", "closure.json", "--to", "oci:out:a", "--to", "docker://127.0.0.1:1/a:b")
      #expect(result.status == 69)
      #expect(result.errors.contains("oci:out has the image"))
    }
  }

  @Test func helpTeaches() async throws {
    try await withWorkspace { work in
      for verb in ["build", "plan", "serve"] {
        let help = try await work.flywheel(verb, "--help")
        #expect(help.status == 0)
        #expect(help.output.contains("Example"))
      }
    }
  }
}

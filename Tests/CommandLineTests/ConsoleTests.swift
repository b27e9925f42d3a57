import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

@testable import flywheel

/// What people and scripts see beside the result.
struct ConsoleTests {
  private static let program =
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("flywheel").path

  private func flywheel(
    _ arguments: String, in directory: FilePath, environment: [String: String] = [:]
  ) async throws -> Tool.Result {
    try await Tool.result(
      of: Self.program, arguments.split(separator: " ").map(String.init), in: directory,
      environment: environment.merging(["XDG_CACHE_HOME": directory.appending("cache").string]) { $1 })
  }

  // MARK: Help

  private struct Verb: Sendable, CustomTestStringConvertible {
    var words: [String]
    var options: [String]
    var discussion: String
    var testDescription: String { words.joined(separator: " ") }
  }

  /// Verbs that do something themselves.
  private static func verbs() async throws -> [Verb] {
    struct Root: Decodable { var command: Command }
    struct Command: Decodable {
      var commandName: String
      var discussion: String?
      var subcommands: [Command]?
    }
    let help = try await Tool.result(of: program, ["--experimental-dump-help"]).output
    let root = try JSONDecoder().decode(Root.self, from: Data(help.utf8)).command
    func walk(_ command: Command, _ description: VerbDescription, _ path: [String]) -> [Verb] {
      let below = command.subcommands ?? []
      let own = Verb(words: path, options: description.options, discussion: command.discussion ?? "")
      return (path == ["help"] ? [] : [own])
        + below.flatMap { next in
          description.verb(next.commandName).map { walk(next, $0, path + [next.commandName]) } ?? []
        }
    }
    return walk(root, try #require(VerbDescription.all()), [])
  }

  @Test func everyVerbTeachesByExamplesThatFitATerminal() async throws {
    let verbs = try await Self.verbs()
    #expect(verbs.count > 25)
    for verb in verbs {
      #expect(verb.discussion.contains("Example"), "\(verb.words)")
      for line in verb.discussion.split(separator: "\n") where line.hasPrefix("  ") || line.hasPrefix("Example") {
        #expect(line.count <= 80, "\(verb.words): \(line)")
      }
    }
  }

  @Test func everyVerbThatActsCanBeMadeQuietVerboseAndColourless() async throws {
    let groups = [[], ["nix"], ["plan"]]
    for verb in try await Self.verbs() where !groups.contains(verb.words) {
      for option in ["--quiet", "--verbose", "--color"] { #expect(verb.options.contains(option), "\(verb.words)") }
    }
  }

  @Test func theHelpNamesEveryExitCode() async throws {
    try await withTemporaryDirectory { directory in
      let help = try await flywheel("--help", in: directory).output
      let source = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        .appending("Sources/flywheel/ExitStatus.swift")
      let text = try String(contentsOfFile: source.string, encoding: .utf8)
      let codes = Set(text.matches(of: /: (\d+)\n/).map { String($0.1) })
      #expect(codes.count > 12)
      for code in codes.union(["64", "130"]) {
        #expect(
          help.split(separator: "\n").contains {
            $0.hasPrefix(" ") && $0.split(separator: " ").first == Substring(code)
          }, "\(code)")
      }
    }
  }

  @Test func aShellCompletesVerbsOptionsAndTheirValues() async throws {
    try await withTemporaryDirectory { directory in
      let script = """
        "$0" completions bash > script; . ./script
        try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
          _flywheel "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; echo "${COMPREPLY[@]}"; }
        try flywheel ins; try flywheel build --tag-d; try flywheel build --compression zs; try flywheel inspect ima
        """
      try "{}".write(toFile: directory.appending("image.json").string, atomically: false, encoding: .utf8)
      let result = try await Tool.result(of: "/bin/bash", ["-c", script, Self.program], in: directory)
      #expect(result.output == "inspect\n--tag-digest\nzstd\nimage.json\n", "\(result.errors)")
      for shell in ["zsh", "fish"] {
        let other = try await flywheel("completions \(shell)", in: directory)
        #expect(other.status == 0)
        #expect(other.output.contains("tag-digest"))
      }
    }
  }

  // MARK: Errors

  @Test func everyErrorHasOneFormThatEndsWithItsCode() async throws {
    try await withTemporaryDirectory { directory in
      for (arguments, line, status) in [
        (
          "inspect oci:none:x",
          "error: there is no image oci:none:x; check its name, tag or digest [OCIError.notFound]", 80
        ),
        (
          "plan closure.json",
          "error: there is no verb 'closure.json' of 'flywheel plan', and files are given to options; 'flywheel plan --help' lists what there is [usage]",
          64
        ),
        ("pusj", "error: there is no verb 'pusj' of 'flywheel'; did you mean 'push'? [usage]", 64),
        ("build --file /a=none", "error: the file for '/a' is missing", 66),
        ("build", "error: name what the image is made of", 64),
        ("build --layer-tar none", "error: --layer-tar: cannot open 'none'", 66),
        ("copy --from-file none", "error: --from-file: cannot open 'none'", 66),
        ("insepct --help", "error: there is no verb 'insepct' of 'flywheel'; did you mean 'inspect'?", 64),
        ("help biuld", "error: there is no verb 'biuld' of 'flywheel'; did you mean 'build'?", 64),
        ("-q copy a b", "error: there is no option '-q' of 'flywheel'; options stand after the verb", 64),
        ("inspect docker-archive:x.tar", "error: 'docker-archive:x.tar' is for the --to of build", 78),
        ("inspect ghcr.io/team/app:1", "error: there is no file 'ghcr.io/team/app:1'; for an image", 66),
        ("copy docker-daemon:x:1 oci:x:1", "error: 'docker-daemon:x:1' is for the --to of build", 78),
      ] as [(String, String, Int32)] {
        let result = try await flywheel(arguments, in: directory)
        let first = result.errors.split(separator: "\n").first { $0.hasPrefix("error: ") }.map(String.init) ?? ""
        #expect(result.status == status, "\(result.errors)")
        #expect(first.hasSuffix("]"), "\(result.errors)")
        #expect(status == 66 || first.hasPrefix(line), "\(first)")
        #expect(result.output == "")
      }
    }
  }

  @Test func whatAVerbFindsWantingNamesItsOwnHelp() async throws {
    try await withTemporaryDirectory { directory in
      let result = try await flywheel("login ghcr.io --username robot --password-stdin", in: directory)
      #expect(result.status == 64)
      #expect(
        result.errors.hasSuffix("[usage]\n  See 'flywheel login --help' for more information.\n"), "\(result.errors)")
    }
  }

  @Test func aProjectFileThatIsMissingIsNoBrokenOne() async throws {
    try await withTemporaryDirectory { directory in
      #expect(try await flywheel("check absent.yaml", in: directory).status == 66)
      #expect(try await flywheel("push --project absent.yaml", in: directory).status == 66)
      try "images: [".write(toFile: directory.appending("broken.yaml").string, atomically: false, encoding: .utf8)
      #expect(try await flywheel("check broken.yaml", in: directory).status == 65)
    }
  }

  @Test func programsAreToldOfAnErrorByAnEvent() async throws {
    try await withTemporaryDirectory { directory in
      let result = try await flywheel("inspect oci:none:x --progress json", in: directory)
      let event = try #require(
        try JSONSerialization.jsonObject(with: Data(result.errors.utf8)) as? [String: Any])
      #expect(event["event"] as? String == "error")
      #expect(event["code"] as? String == "OCIError.notFound")
      #expect(event["exitCode"] as? Int == 80)
    }
  }

  @Test func coloursAreForTerminalsUnlessTheyAreAskedFor() async throws {
    try await withTemporaryDirectory { directory in
      let plain = try await flywheel("inspect oci:none:x", in: directory)
      #expect(!plain.errors.contains("\u{1B}"))
      let colored = try await flywheel("inspect oci:none:x --color always", in: directory)
      #expect(colored.errors.hasPrefix("\u{1B}[1;31merror:\u{1B}[0m there is no image"))
      let terminal = try await onTerminal("inspect oci:none:x", in: directory)
      #expect(terminal.contains("\u{1B}[1;31merror:"))
      let without = try await onTerminal("inspect oci:none:x", in: directory, variable: "NO_COLOR=1")
      #expect(!without.contains("\u{1B}[1;31m"))
      let never = try await onTerminal("inspect oci:none:x --color never", in: directory)
      #expect(!never.contains("\u{1B}[1;31m"))
    }
  }

  // MARK: Progress

  /// What a terminal is sent.
  /// - Parameter variable: What is done to the environment; some test runners set `NO_COLOR`.
  private func onTerminal(
    _ arguments: String, in directory: FilePath, variable: String = "-u NO_COLOR"
  ) async throws -> String {
    try await Tool.result(
      of: "script", ["-qec", "stty cols 100; env \(variable) \(Self.program) \(arguments)", "/dev/null"],
      in: directory, environment: ["XDG_CACHE_HOME": directory.appending("cache").string, "TERM": "xterm"]
    ).output
  }

  @Test func aTerminalShowsABarThatVanishes() async throws {
    try await withTemporaryDirectory { directory in
      var generator = SeededGenerator(seed: 3)
      try FileSystem.replace(directory.appending("data"), with: generator.bytes(8 << 20))
      let arguments = "build --file /data=data --compression none --to oci:out:latest"
      let screen = try await onTerminal(arguments, in: directory)
      #expect(screen.contains("sending [") || screen.contains("hashing "), "\(screen)")
      // A status line is taken away by the next one, and by what stays.
      let parts = screen.components(separatedBy: "\r\u{1B}[K")
      let statuses = parts.dropFirst().dropLast()
      #expect(!statuses.isEmpty)
      for status in statuses where !status.contains("\n") { #expect(status.count < 100) }
      let lines = parts.last?.split { $0.isNewline } ?? []
      #expect(lines.count == 2 && lines[0].hasPrefix("oci:out: sent") && lines[1].hasPrefix("sha256:"), "\(screen)")

      let piped = try await flywheel(arguments, in: directory)
      #expect(!piped.errors.contains("\r"))
      #expect(!piped.errors.contains("\u{1B}"))
      #expect(piped.errors.contains("layer 1 of 1: files"))
    }
  }

  @Test func programsAreToldOfFaultsAndUsageInJSONToo() async throws {
    try await withTemporaryDirectory { directory in
      try "images: [".write(toFile: directory.appending("broken.yaml").string, atomically: false, encoding: .utf8)
      for (arguments, code, status) in [
        ("push --project broken.yaml --progress json", "ProjectError", 65),
        ("build --progress json --max-layers x", "usage", 64),
        ("push --project absent.yaml --progress=json", "ProjectError", 66),
      ] as [(String, String, Int32)] {
        let result = try await flywheel(arguments, in: directory)
        #expect(result.status == status, "\(result.errors)")
        for line in result.errors.split(separator: "\n") {
          let event = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
          #expect(event["code"] as? String == code)
          #expect(event["exitCode"] as? Int == Int(status))
        }
      }
    }
  }

  @Test func whatATerminalWouldObeyIsShownInstead() async throws {
    try await withTemporaryDirectory { directory in
      try FileSystem.replace(directory.appending("data"), with: Array("data".utf8))
      let built = try await Tool.result(
        of: Self.program, ["build", "--file", "/data=data", "--label", "x=\u{1B}[31mred", "--to", "oci:out:latest"],
        in: directory)
      #expect(built.status == 0)
      let shown = try await flywheel("inspect oci:out:latest", in: directory)
      #expect(shown.output.contains("x=\\u{1b}[31mred"), "\(shown.output)")
    }
  }

  @Test func optionsThatWouldDoNothingAreRefused() async throws {
    try await withTemporaryDirectory { directory in
      try FileSystem.replace(directory.appending("data"), with: Array("data".utf8))
      for option in [
        "--previous none.json", "--history none", "--constraints none", "--dead-bytes 5", "--lock-file none",
      ] {
        #expect(try await flywheel("build --file /data=data \(option)", in: directory).status == 64, "\(option)")
      }
    }
  }

  @Test func verboseShowsRequestsAndQuietShowsNothing() async throws {
    try await withTemporaryDirectory { directory in
      try FileSystem.replace(directory.appending("data"), with: Array("data".utf8))
      try await withTestRegistry { registry in
        let build = "build --file /data=data --to docker://\(registry.server.address)/team/app:1"
        let verbose = try await flywheel("\(build) --verbose", in: directory)
        #expect(
          verbose.errors.contains(/\[\d+\.\d{3} s\] .*: PUT \/v2\/team\/app\/manifests\/1 201/), "\(verbose.errors)")
        let quiet = try await flywheel("\(build) --quiet", in: directory)
        #expect(quiet.errors == "")
        #expect(quiet.output == verbose.output)
      }
    }
  }

  @Test func programsAreToldOfEverythingInJSONAlone() async throws {
    try await withTemporaryDirectory { directory in
      try FileSystem.replace(directory.appending("data"), with: Array("data".utf8))
      let result = try await flywheel("build --file /data=data --to oci:out:latest --progress json", in: directory)
      let events = try result.errors.split(separator: "\n").map { line in
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      }
      for name in ["digesting", "digested", "copied", "tagged"] {
        #expect(events.contains { $0["event"] as? String == name }, "\(result.errors)")
      }
      // Where, and how much: one build may go to several places.
      for event in events where ["copied", "tagged"].contains(event["event"] as? String) {
        #expect(event["destination"] as? String == "oci:out", "\(event)")
        #expect(event["size"] is Int, "\(event)")
      }
    }
  }
}

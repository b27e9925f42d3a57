import Foundation
import OCICore
import OCITesting
import SystemPackage

/// The commands of a guide as one script, and what became of them.
struct GuideScript {
  /// What may stand in a guide without being run by the checker, because CI runs it otherwise.
  static let runElsewhere: Set<String> = ["Scripts/quickstart", "Scripts/test"]

  let guide: Guide
  let fixture: String?

  init(_ guide: Guide) {
    self.guide = guide
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/\(guide.fixtureName).sh").path
    fixture = FileManager.default.fileExists(atPath: path) ? path : nil
  }

  init(_ guide: Guide, fixture: String?) {
    self.guide = guide
    self.fixture = fixture
  }

  /// Whether the programs are installed that the fixture says it needs, in a line `# needs: nix skopeo`.
  var hasTools: Bool {
    guard let fixture, let text = try? String(contentsOfFile: fixture, encoding: .utf8) else { return true }
    let tools = text.matches(of: /(?m)^# needs: (.*)$/).flatMap { $0.1.split(separator: " ") }
    return tools.allSatisfy { Tool.path(String($0)) != nil }
  }

  /// What cannot be run as it stands.
  func staticFindings() -> [GuideFinding] {
    var findings: [GuideFinding] = []
    for block in guide.blocks where block.language == "sh" {
      for line in ExposedSecrets.lines(of: block.text) {
        findings.append(finding(block.line + line - 1, "a secret is an argument, which every user of the machine sees"))
      }
      if let exits = block.directives["exits"], Int(exits) == nil {
        findings.append(finding(block.line - 2, "'exits' is no exit code: \(exits)"))
      }
      if block.directives["not run"] != nil {
        for (index, line) in Self.lines(block.text).enumerated() {
          let command = line.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces)
          if !command.isEmpty, !Self.runElsewhere.contains(command) {
            findings.append(finding(block.line + index, "every command has to run, and '\(command)' is not run"))
          }
        }
      }
    }
    return findings
  }

  /// Runs all `sh` blocks, in order, in a directory of their own.
  func run(in world: GuideWorld) async throws -> [GuideFinding] {
    let steps = guide.blocks.filter { isRun($0) || $0.directives["file"] != nil }
    guard steps.contains(where: isRun) else { return [] }
    let place = world.directory.appending("blocks")
    _ = try FileSystem.createDirectories(place)
    let report = world.directory.appending("report")
    try FileSystem.replace(report, with: [])
    var script = Self.beginning(report: report)
    if let fixture { script += ". \(Self.quoted(fixture))\n" }
    for block in steps {
      if let name = block.directives["file"] {
        let source = place.appending("file-\(block.line)")
        try FileSystem.replace(source, with: Array(block.text.utf8))
        script +=
          "mkdir -p \"$(dirname \(Self.quoted(name)))\"; cp \(Self.quoted(source.string)) \(Self.quoted(name))\n"
        // With all that it names.
        if GuideDocuments.isProject(block) { script += "flywheel check \(Self.quoted(name))\n" }
      } else {
        let source = place.appending("block-\(block.line)")
        // With as many lines above as the guide has, so that the shell counts them as the guide's.
        let padding = String(repeating: "\n", count: block.line - 1)
        try FileSystem.replace(source, with: Array((padding + block.text).utf8))
        script += Self.command(for: block, source)
      }
    }
    let file = world.directory.appending("guide.sh")
    try FileSystem.replace(file, with: Array(script.utf8))
    let run = try await world.bash(file.string, in: world.directory.appending("work"))
    let lines = Self.lines(String(decoding: try FileSystem.contents(of: report), as: UTF8.self))
    return findings(after: run, report: lines, steps: steps.filter(isRun))
  }

  private func isRun(_ block: GuideBlock) -> Bool { block.language == "sh" && block.directives["not run"] == nil }

  private func finding(_ line: Int, _ message: String) -> GuideFinding {
    GuideFinding(file: guide.path, line: line, message: message)
  }

  private func findings(after run: GuideWorld.Run, report: [String], steps: [GuideBlock]) -> [GuideFinding] {
    let done = report.filter { $0.hasPrefix("ran ") }.compactMap { Int($0.dropFirst(4)) }
    guard run.status != 0 || done != steps.map(\.line) else { return [] }
    let open = steps.first { !done.contains($0.line) }
    let tail = Self.lines(run.output).suffix(40).joined(separator: "\n")
    let why =
      switch run.status {
      case 124, 137: "took longer than a minute"
      case 0: "ended the script, so that what follows does not run"
      default: "ended with \(run.status)"
      }
    // Each shell and function that a failure goes through tells it; the first in a block is the one that the reader sees.
    let failures = report.reversed().prefix { !$0.hasPrefix("ran ") }.reversed().compactMap { line -> GuideFinding? in
      let parts = line.split(separator: " ", maxSplits: 3).map(String.init)
      guard parts.count == 4, parts[0] == "failed", let number = Int(parts[1]) else { return nil }
      let isBlock = parts[2].contains("/blocks/block-")
      return GuideFinding(
        file: isBlock ? guide.path : parts[2], line: number, message: "`\(parts[3])` \(why)\n\(tail)")
    }
    if let first = failures.first(where: { $0.file == guide.path }) ?? failures.first { return [first] }
    return [finding(open?.line ?? 1, "this block \(why)\n\(tail)")]
  }
}

extension GuideScript {
  /// What every script begins with: it stops at the first failure, says where that was, and leaves nothing running.
  static func beginning(report: FilePath) -> String {
    """
    set -eu -o pipefail -E
    guide_report=\(quoted(report.string))
    guide_failed() {
      guide_line=$1 guide_source=${BASH_SOURCE[1]:-}
      # In a function of the fixture, the line that called it is what the reader sees.
      for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
        case ${BASH_SOURCE[i]} in */blocks/block-*)
          if [ $i -gt 1 ]; then guide_line=${BASH_LINENO[i - 1]}; fi
          guide_source=${BASH_SOURCE[i]}
          break ;;
        esac
      done
      printf 'failed %s %s %s\\n' "$guide_line" "${3:-$guide_source}" "${2//$'\\n'/ }" >> "$guide_report"
    }
    trap 'guide_failed "$LINENO" "$BASH_COMMAND"' ERR
    trap 'guide_status=$?; kill $(jobs -p) 2> /dev/null || true; exit $guide_status' EXIT

    """
  }

  /// Runs a block, in this shell; where it has to fail, in one below it.
  static func command(for block: GuideBlock, _ source: FilePath) -> String {
    let path = quoted(source.string)
    var text = "echo '### line \(block.line)'\n"
    if let exits = block.directives["exits"] {
      let last = block.line + lastCommandLine(block.text)
      text += """
        set +e
        trap - ERR
        echo 0 > "$TMPDIR/guide-line"
        (
          trap '[ "$(cat "$TMPDIR/guide-line")" != 0 ] || echo "$LINENO" > "$TMPDIR/guide-line"' ERR
          set -e
          . \(path)
        )
        guide_last=$?
        trap 'guide_failed "$LINENO" "$BASH_COMMAND"' ERR
        set -e
        if [ "$guide_last" != \(exits) ] || [ "$(cat "$TMPDIR/guide-line")" -lt \(last) ]; then
          echo "it must end with \(exits) at line \(last), but it ended with $guide_last at line $(cat "$TMPDIR/guide-line")"
          guide_failed \(last) "exits: \(exits)" \(path)
          exit 1
        fi

        """
    } else {
      text += ". \(path)\n"
    }
    return text + "echo ran \(block.line) >> \"$guide_report\"\n"
  }

  /// The line that the last command begins at, from 0.
  static func lastCommandLine(_ text: String) -> Int {
    let lines = lines(text)
    guard
      var index = lines.lastIndex(where: {
        let line = $0.trimmingCharacters(in: .whitespaces)
        return !line.isEmpty && !line.hasPrefix("#")
      })
    else { return 0 }
    while index > 0, ["\\", "|"].contains(where: { lines[index - 1].hasSuffix($0) }) { index -= 1 }
    return index
  }

  static func lines(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: #"'\''"#) + "'" }
}

import OCICore
import SystemPackage

extension CIRecipe {
  /// Runs the jobs one after the other in one checkout, each with a home of its own, so that no login of one helps another.
  /// - Parameter fixture: A script that makes the checkout's files.
  func run(_ block: GuideBlock, of guide: Guide, fixture: String?, in world: GuideWorld) async throws -> [GuideFinding]
  {
    let place = world.directory.appending("checkout-\(block.line)")
    _ = try FileSystem.createDirectories(place)
    if let fixture {
      let run = try await world.bash(fixture, in: place, more: ["CI": "true"])
      guard run.status == 0 else { return [GuideFinding(file: fixture, line: 1, message: run.output)] }
    }
    var findings: [GuideFinding] = []
    for (number, job) in jobs.enumerated() {
      for step in job.steps where !ExposedSecrets.lines(of: step.text).isEmpty {
        findings.append(
          GuideFinding(
            file: guide.path, line: block.line + step.line - 1,
            message: "a secret is an argument, which every user of the machine sees"))
      }
      let home = world.directory.appending("home-\(block.line)-\(number)")
      _ = try FileSystem.createDirectories(home)
      var variables = job.variables
      variables["HOME"] = home.string
      variables["CI_PROJECT_DIR"] = place.string
      variables["GITHUB_WORKSPACE"] = place.string
      for name in ["ENV", "PATH", "OUTPUT", "STEP_SUMMARY"] { variables["GITHUB_\(name)"] = "\(home)/\(name)" }
      for name in ["ENV", "PATH"] { try FileSystem.replace(home.appending(name), with: []) }
      for step in job.steps {
        let script = home.appending("step")
        try FileSystem.replace(script, with: Array(Self.script(step).utf8))
        let run = try await world.bash(script.string, in: place, more: variables)
        guard run.status != 0 else { continue }
        let line = block.line + step.line - 1
        findings.append(
          GuideFinding(
            file: guide.path, line: line, message: "job '\(job.name)' ended with \(run.status):\n\(run.output)"))
        break
      }
    }
    return findings
  }

  private static func script(_ step: Step) -> String {
    // What earlier steps of a job leave for later ones.
    var text = """
      set -e \(step.hasPipefail ? "-o" : "+o") pipefail
      if [ -s "$GITHUB_ENV" ]; then set -a; . "$GITHUB_ENV"; set +a; fi
      while read -r directory; do PATH=$directory:$PATH; done < "$GITHUB_PATH"

      """
    for (name, value) in step.environment {
      let escaped = value.replacing("\\", with: #"\\"#).replacing("\"", with: #"\""#).replacing("`", with: #"\`"#)
      text += "export \(name)=" + (step.expandsVariables ? "\"\(escaped)\"" : GuideScript.quoted(value)) + "\n"
    }
    return text + "cd \(GuideScript.quoted(step.directory))\nset -x\n" + step.text + "\n"
  }
}

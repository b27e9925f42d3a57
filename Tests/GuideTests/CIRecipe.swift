import Foundation
import Yams

/// The shell steps of a file for GitHub Actions or GitLab CI.
struct CIRecipe {
  enum Service: String {
    case github
    case gitlab
  }

  /// One job, as a script; what it needs beside is in `variables`.
  struct Job {
    var name: String
    /// Lines of the file, from 1, and the shell text of each step.
    var steps: [Step]
    /// What the service sets.
    var variables: [String: String]
  }

  struct Step {
    var line: Int
    var text: String
    /// What the file sets for it, in order.
    var environment: [(name: String, value: String)]
    /// Below the checkout.
    var directory = "."
    /// Whether values refer to other variables, as GitLab's do.
    var expandsVariables = false
    /// Whether a command fails whose pipe's first part does: GitHub does so only with `shell: bash`.
    var hasPipefail = true
  }

  struct Fault: Error {
    var line: Int
    var message: String
  }

  /// Actions that prepare the machine: what they do is there already in the world of guides.
  static let actions: Set<String> = [
    "actions/cache", "actions/checkout", "actions/download-artifact", "actions/upload-artifact",
    "cachix/install-nix-action",
  ]

  let jobs: [Job]

  init(_ text: String, for service: Service) throws {
    guard let root = try Yams.compose(yaml: text)?.mapping else { throw Fault(line: 1, message: "no mapping") }
    switch service {
    case .github: jobs = try Self.github(root)
    case .gitlab: jobs = try Self.gitlab(root)
    }
    if jobs.allSatisfy(\.steps.isEmpty) { throw Fault(line: 1, message: "the recipe runs nothing") }
  }
}

// MARK: - GitHub

extension CIRecipe {
  private static let commit = "6f1d2c3b4a5968778695a4b3c2d1e0f123456789"

  private static func github(_ root: Node.Mapping) throws -> [Job] {
    guard let jobs = root["jobs"]?.mapping else { throw Fault(line: 1, message: "there are no jobs") }
    return try jobs.map { key, node in
      guard let job = node.mapping, let steps = job["steps"]?.sequence else {
        throw Fault(line: line(node), message: "the job has no steps")
      }
      var context = githubContext
      for (name, values) in job["strategy"]?.mapping?["matrix"]?.mapping?.map({ ($0.key, $0.value) }) ?? [] {
        if let name = name.string, let first = values.sequence?.first?.string { context["matrix.\(name)"] = first }
      }
      var result: [Step] = []
      for node in steps {
        guard let step = node.mapping else { throw Fault(line: line(node), message: "a step is a mapping") }
        if let uses = step["uses"]?.string {
          let parts = uses.split(separator: "@", maxSplits: 1).map(String.init)
          guard parts.count == 2, actions.contains(parts[0]) else {
            throw Fault(line: line(node), message: "'\(uses)' is not an action that the checker knows, with a version")
          }
          continue
        }
        guard let run = step["run"], let text = run.string else {
          throw Fault(line: line(node), message: "a step has neither 'uses' nor 'run'")
        }
        if text.contains(/\$\{\{\s*(secrets\.|github\.token)/) {
          throw Fault(line: line(run), message: "a secret in a step's text is on a command line; give it by 'env'")
        }
        var environment: [(String, String)] = []
        for level in [root["env"], job["env"], step["env"]] {
          for (name, value) in level?.mapping.map({ $0.map { ($0.key, $0.value) } }) ?? [] {
            environment.append((name.string ?? "", try substitute(value.string ?? "", context, line(value))))
          }
        }
        let directory = step["working-directory"]?.string ?? job["defaults"]?["run"]?["working-directory"]?.string
        result.append(
          Step(
            line: line(run), text: try substitute(text, context, line(run)), environment: environment,
            directory: directory ?? ".",
            hasPipefail: (step["shell"] ?? job["defaults"]?["run"]?["shell"])?.string == "bash"))
      }
      return Job(name: key.string ?? "", steps: result, variables: githubVariables)
    }
  }

  private static let githubVariables = [
    "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "robot", "GITHUB_REPOSITORY": "team/app",
    "GITHUB_REPOSITORY_OWNER": "team", "GITHUB_SHA": commit, "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main",
    "GITHUB_REF_TYPE": "branch", "GITHUB_EVENT_NAME": "push", "GITHUB_RUN_ID": "1", "GITHUB_RUN_NUMBER": "1",
    "GITHUB_SERVER_URL": "https://github.com", "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64",
  ]

  private static let githubContext: [String: String] = {
    var context = ["github.token": GuideWorld.token, "runner.os": "Linux", "runner.arch": "X64"]
    for (name, value) in githubVariables where name.hasPrefix("GITHUB_") {
      context["github.\(name.dropFirst(7).lowercased())"] = value
    }
    return context
  }()

  private static func substitute(_ text: String, _ context: [String: String], _ line: Int) throws -> String {
    var result = ""
    var rest = text[...]
    while let begin = rest.firstRange(of: "${{"), let end = rest[begin.upperBound...].firstRange(of: "}}") {
      let name = rest[begin.upperBound..<end.lowerBound].trimmingCharacters(in: .whitespaces)
      guard let value = context[name] ?? (name.hasPrefix("secrets.") ? GuideWorld.token : nil) else {
        throw Fault(line: line, message: "the checker does not know the expression '\(name)'")
      }
      result += rest[..<begin.lowerBound] + value
      rest = rest[end.upperBound...]
    }
    return result + rest
  }
}

// MARK: - GitLab

extension CIRecipe {
  /// What is no job at the top of the file.
  private static let keywords: Set<String> = [
    "after_script", "before_script", "cache", "default", "image", "include", "services", "spec", "stages", "variables",
    "workflow",
  ]

  private static func gitlab(_ root: Node.Mapping) throws -> [Job] {
    var result: [Job] = []
    for (key, node) in root.map({ ($0.key, $0.value) }) {
      let name = key.string ?? ""
      guard !keywords.contains(name), !name.hasPrefix(".") else { continue }
      guard var job = node.mapping else { throw Fault(line: line(node), message: "a job is a mapping") }
      for base in job["extends"]?.sequence?.reversed().map({ $0 }) ?? job["extends"].map({ [$0] }) ?? [] {
        guard let template = root[base.string ?? ""]?.mapping else {
          throw Fault(line: line(base), message: "there is no '\(base.string ?? "")' to extend")
        }
        for (key, value) in template.map({ ($0.key, $0.value) }) where job[key] == nil { job[key] = value }
      }
      func setting(_ name: String) -> Node? { job[name] ?? root["default"]?[name] ?? root[name] }
      var environment: [(String, String)] = []
      for level in [root["variables"], job["variables"]] {
        for (name, value) in level?.mapping.map({ $0.map { ($0.key, $0.value) } }) ?? [] {
          environment.append((name.string ?? "", value.string ?? value["value"]?.string ?? ""))
        }
      }
      guard let script = job["script"] else { throw Fault(line: line(node), message: "the job has no script") }
      // One shell for both; what comes after has its own.
      let main = lines(setting("before_script")) + lines(script)
      var steps = [Step(line: line(script), text: main, environment: environment, expandsVariables: true)]
      if let after = setting("after_script") {
        steps.append(Step(line: line(after), text: lines(after), environment: environment, expandsVariables: true))
      }
      let isTagged = (try? Yams.serialize(node: node))?.contains("CI_COMMIT_TAG") == true
      result.append(Job(name: name, steps: steps, variables: gitlabVariables(isTagged: isTagged)))
    }
    return result
  }

  private static func lines(_ node: Node?) -> String {
    guard let node else { return "" }
    let texts = node.sequence?.map { $0.string ?? $0.sequence?.compactMap(\.string).joined(separator: "\n") ?? "" }
    return (texts ?? [node.string ?? ""]).map { $0 + "\n" }.joined()
  }

  private static func gitlabVariables(isTagged: Bool) -> [String: String] {
    var variables = [
      "CI": "true", "GITLAB_CI": "true", "CI_REGISTRY": "registry.gitlab.com", "CI_SERVER_HOST": "gitlab.com",
      "CI_REGISTRY_IMAGE": "registry.gitlab.com/team/app", "CI_REGISTRY_USER": "robot",
      "CI_REGISTRY_PASSWORD": GuideWorld.token, "CI_JOB_TOKEN": GuideWorld.token, "CI_COMMIT_SHA": commit,
      "CI_COMMIT_SHORT_SHA": String(commit.prefix(8)), "CI_DEFAULT_BRANCH": "main", "CI_PIPELINE_ID": "1",
      "CI_PROJECT_NAMESPACE": "team", "CI_PROJECT_NAME": "app", "CI_PROJECT_PATH": "team/app",
      "CI_PROJECT_URL": "https://gitlab.com/team/app", "CI_COMMIT_REF_NAME": isTagged ? "1.4.0" : "main",
      "CI_COMMIT_REF_SLUG": isTagged ? "1-4-0" : "main",
    ]
    variables[isTagged ? "CI_COMMIT_TAG" : "CI_COMMIT_BRANCH"] = isTagged ? "1.4.0" : "main"
    return variables
  }

  private static func line(_ node: Node) -> Int { node.mark?.line ?? 1 }
}

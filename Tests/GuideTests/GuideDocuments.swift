import Foundation
import OCICore
import OCITesting
import SystemPackage
import Yams

/// The JSON, YAML and Nix expressions of a guide.
enum GuideDocuments {
  static func findings(in guide: Guide) async throws -> [GuideFinding] {
    var findings: [GuideFinding] = []
    for block in guide.blocks {
      if let message = try await fault(of: block) {
        findings.append(GuideFinding(file: guide.path, line: block.line, message: message))
      }
    }
    return findings
  }

  private static func fault(of block: GuideBlock) async throws -> String? {
    switch block.language {
    case "json":
      do { _ = try JSON(parsing: block.text) } catch { return "\(error)" }
    case "yaml":
      do {
        _ = try Yams.load(yaml: block.text)
        if isProject(block), block.directives["file"] == nil { return try await projectFault(block.text) }
      } catch { return "\(error)" }
      if let service = block.directives["ci"], CIRecipe.Service(rawValue: service) == nil {
        return "there is no CI of the name '\(service)'"
      }
    case "nix" where Tool.areInstalled("nix-instantiate"):
      // What is not defined here may be elsewhere, and a part of a set is one, too.
      let whole = try await parse(nix: "with { }; " + block.text)
      if let whole, try await parse(nix: "with { }; {\n\(block.text)\n}") != nil { return whole }
    default: break
    }
    return nil
  }

  /// Whether a block is a project's file.
  static func isProject(_ block: GuideBlock) -> Bool {
    guard block.language == "yaml", let value = try? Yams.load(yaml: block.text) as? [String: Any] else { return false }
    return value["version"] != nil && value["images"] != nil
  }

  /// What `flywheel check` says of a project.
  private static func projectFault(_ text: String) async throws -> String? {
    try await withTemporaryDirectory { directory in
      try FileSystem.replace(directory.appending("flywheel.yaml"), with: Array(text.utf8))
      let result = try await Tool.result(of: GuideWorld.program, ["check"], in: directory)
      return result.status == 0 ? nil : result.errors + result.output
    }
  }

  private static func parse(nix text: String) async throws -> String? {
    try await withTemporaryDirectory { directory in
      try FileSystem.replace(directory.appending("block.nix"), with: Array(text.utf8))
      let result = try await Tool.result(of: "nix-instantiate", ["--parse", "block.nix"], in: directory)
      return result.status == 0 ? nil : result.errors
    }
  }
}

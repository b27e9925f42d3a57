import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing
import Yams

/// Commands, code, documents and links of every guide are tried; README.md beside this file tells how a guide is written.
@Suite struct GuideTests {
  @Test func thereAreGuides() {
    let paths = Set(Guide.all.map(\.path))
    #expect(paths.isSuperset(of: ["README.md", "docs/architecture.md", "docs/command-line.md", "docs/embedding.md"]))
  }

  @Test(arguments: Guide.tried) func aGuideIsWellFormed(guide: Guide) async throws {
    let links = GuideLinks(Guide.all) {
      FileManager.default.fileExists(atPath: Guide.root.appending(path: $0).path)
    }
    let help = try await Self.help()
    fail(guide.findings + links.findings(in: guide) + help.findings(in: guide) + GuideScript(guide).staticFindings())
  }

  @Test(arguments: Guide.tried) func documentsInAGuideCanBeRead(guide: Guide) async throws {
    fail(try await GuideDocuments.findings(in: guide))
  }

  @Test(.enabled(if: GuideWorld.isThere), arguments: Guide.tried.filter(\.canRun))
  func everyCommandOfAGuideWorks(guide: Guide) async throws {
    let script = GuideScript(guide)
    try await GuideWorld.with { world in
      fail(try await script.run(in: world))
      for block in guide.blocks {
        guard let service = block.directives["ci"].flatMap(CIRecipe.Service.init) else { continue }
        do {
          fail(try await CIRecipe(block.text, for: service).run(block, of: guide, fixture: script.fixture, in: world))
        } catch let fault as CIRecipe.Fault {
          fail([GuideFinding(file: guide.path, line: block.line + fault.line - 1, message: fault.message)])
        }
      }
    }
  }

  @Test(.enabled(if: Tool.areInstalled("swiftc"))) func allSwiftInGuidesCompiles() async throws {
    fail(try await SwiftBlocks(Guide.tried).findings())
  }

  @Test func theReferenceHasEveryOption() async throws {
    let reference = try #require(Guide.all.first { $0.path == "docs/command-line.md" })
    let text = (reference.prose + reference.blocks.map(\.text)).joined(separator: "\n")
    let words = Set(text.matches(of: /--[a-z0-9-]+/).map { String($0.0) })
    // The builders of derivations are called by these alone.
    let missing = try await Self.help().longOptions.filter {
      !$0.verb.hasPrefix("flywheel nix") && !words.contains($0.option)
    }
    #expect(missing.isEmpty, "docs/command-line.md does not tell about \(missing.map { "\($0.verb) \($0.option)" })")
  }

  /// Every finding is a failure of its own.
  private func fail(_ findings: [GuideFinding]) {
    for finding in findings { Issue.record("\(finding)") }
  }

  static func help() async throws -> ProgramHelp { try await sharedHelp.value }

  private static let sharedHelp = Task {
    try ProgramHelp(json: try await Tool.run(GuideWorld.program, ["--experimental-dump-help"]))
  }
}

extension Guide {
  /// Whether it has anything to run.
  var hasCommands: Bool { blocks.contains { $0.language == "sh" || $0.directives["ci"] != nil } }

  /// Whether everything is here that it needs.
  var canRun: Bool { hasCommands && GuideScript(self).hasTools }
}

import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing
import Yams

/// The guides: README.md, CONTRIBUTING.md, docs/*.md, and README.md in Examples/* and Integrations/*.
///
/// Commands and code in them are what readers try first, so all of them are tried here. How a guide is written:
///
/// - Every fenced block says what it is, and that decides what is done with it:
///   - `sh`: all blocks of a guide run in order in one `bash -eu -o pipefail`, in one fresh directory, after the guide's fixture
///     `Fixtures/NAME.sh` where there is one (`docs/ci.md` has `ci.sh`, `Examples/site/README.md` has `Examples-site.sh`). It makes the files
///     that the guide takes for granted, and functions that stand in for programs that cannot run here. `flywheel` is in `PATH`; the registries
///     are those of `GuideWorld`, under the names that users type; `robot` logs in with `$TOKEN`; a fixture can put files below
///     `$GUIDE_WEB/files.example.org/` and `$GUIDE_WEB/cache.example.org/`, to be fetched from `https://` there.
///   - `swift`: type-checked. A block is the body of an `async throws` function, unless it has a type with `@main`, an extension or a protocol
///     at its top, or is a package's manifest. Modules are imported in the block or named before.
///   - `json`, `yaml`, `nix`: parsed; a project file passes `flywheel check`. `toml` and `dockerfile` are input of other tools.
///   - `text`: what programs print, and forms with parts left out.
/// - Comments tell the rest, each on a line of its own right before the block:
///   - `<!-- exits: 65 -->`: the last command of the block must fail with that code. What the block sets is gone after it.
///   - `<!-- file: files.json -->`: the block is written to that file, for the blocks after it.
///   - `<!-- given: graph: StoreGraph, image: inout ClosureImage -->`: what a `swift` block has from elsewhere, as parameters.
///   - `<!-- imports: OCICore, Registry -->`: modules of all `swift` blocks from here on, anywhere in the guide.
///   - `<!-- ci: github -->`, `<!-- ci: gitlab -->`: the shell steps of the file are run too, with the variables that the service sets, in a
///     directory with what the fixture makes (`$CI` is set only then).
///   - `<!-- not run: why -->`: for the commands of `GuideScript.runElsewhere` alone.
/// - A secret is never an argument of a command; `echo` and `printf` into a pipe are the shell itself.
/// - Relative links lead to files and headings that are there. What begins with `flywheel` in backticks names verbs and options that are there.
///
/// `GUIDE=docs/ci.md swift test --filter GuideTests/` tries one guide alone.
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

  @Test(.enabled(if: GuideWorld.isThere), arguments: Guide.tried.filter(\.hasCommands))
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

  /// Every finding is a failure of its own.
  private func fail(_ findings: [GuideFinding]) {
    for finding in findings { Issue.record("\(finding)") }
  }

  static func help() async throws -> ProgramHelp {
    try ProgramHelp(json: try await Tool.run(GuideWorld.program, ["--experimental-dump-help"]))
  }
}

extension Guide {
  /// Whether it has anything to run.
  var hasCommands: Bool { blocks.contains { $0.language == "sh" || $0.directives["ci"] != nil } }
}

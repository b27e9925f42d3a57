import Foundation
import ImageAssembly
import LayerGraph
import OCICore
import Registry
import Tarball
import Testing

@testable import flywheel

/// `docs/troubleshooting.md` explains every error, where the exit code of its section is the one that the program has for it.
struct TroubleshootingTests {
  /// Every code of every error type, as the guide names it, with the exit code that the program gives it.
  private static let codes: [(name: String, exitCode: Int32)] =
    named(OCIError.Code.all) { OCIError($0, "") } + named(RegistryError.Code.all) { RegistryError($0, "") }
    + named(TarballError.Code.all) { TarballError($0, "") } + named(AssemblyError.Code.all) { AssemblyError($0, "") }
    + named(LayerGraphError.Code.all) { LayerGraphError($0, "") }

  private static func named<Code: CustomStringConvertible, Failure: Error>(
    _ codes: [Code], error: (Code) -> Failure
  ) -> [(name: String, exitCode: Int32)] {
    codes.map { ("\(Failure.self).\($0)", ExitStatus.code(for: error($0))) }
  }

  /// Lines of the guide that begin a row for a code, by the exit code of the section that they are in.
  private static func rows() throws -> (sections: Set<Int32>, rows: [String: Int32]) {
    let guide = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/troubleshooting.md")
    var (sections, rows) = (Set<Int32>(), [String: Int32]())
    var section: Int32?
    for line in try String(contentsOf: guide, encoding: .utf8).split(separator: "\n") {
      if let heading = line.wholeMatch(of: /## (\d+):? .*/) {
        section = Int32(heading.1)
        if let section { sections.insert(section) }
      } else if line.hasPrefix("## ") {
        section = nil
      } else if let row = line.prefixMatch(of: /\| `(\w+\.\w+)` \| (.+) \| (.+) \| (.+) \|/), let section {
        // A code without a message, a cause and a remedy is not explained.
        #expect(
          rows.updateValue(section, forKey: String(row.1)) == nil, "\(row.1) is explained twice")
      }
    }
    return (sections, rows)
  }

  @Test func everyErrorIsExplainedUnderItsExitCode() throws {
    let rows = try Self.rows().rows
    #expect(Self.codes.count > 50 && Set(Self.codes.map(\.name)).count == Self.codes.count)
    for (name, exitCode) in Self.codes {
      #expect(rows[name] == exitCode, "docs/troubleshooting.md lacks a row for \(name) under exit code \(exitCode)")
    }
    let unknown = Set(rows.keys).subtracting(Self.codes.map(\.name))
    #expect(unknown.isEmpty, "docs/troubleshooting.md explains what is no code")
  }

  @Test func everyExitCodeHasASection() throws {
    // Those of errors, and those that verbs end with themselves: a difference, wrong usage, a bug, an interruption.
    let all = Set(Self.codes.map(\.exitCode)).union([1, 64, 70, 130])
    let sections = try Self.rows().sections
    #expect(all.isSubset(of: sections), "docs/troubleshooting.md lacks \(all.subtracting(sections).sorted())")
  }
}

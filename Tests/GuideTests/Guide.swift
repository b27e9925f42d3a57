import Foundation
import Testing

/// A page of documentation, taken apart.
struct Guide: Sendable, CustomTestStringConvertible {
  /// A heading, by the anchor that it has.
  struct Heading: Sendable {
    var line: Int
    var anchor: String
  }

  /// Relative to the repository.
  let path: String
  /// Its lines, those of blocks blanked out.
  private(set) var prose: [String] = []
  private(set) var blocks: [GuideBlock] = []
  private(set) var headings: [Heading] = []
  /// Modules that hold from a line on (`<!-- imports: … -->`).
  private(set) var imports: [(line: Int, modules: [String])] = []
  /// What is wrong with its form.
  private(set) var findings: [GuideFinding] = []

  var testDescription: String { path }

  init(path: String, text: String) {
    self.path = path
    parse(text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
    nameHeadings()
  }

  private mutating func parse(_ lines: [String]) {
    var pending: [(line: Int, name: String, value: String)] = []
    var number = 0
    while number < lines.count {
      let line = lines[number]
      number += 1
      if let fence = Fence(line) {
        var block = GuideBlock(language: fence.language, line: number + 1, text: "")
        var content: [String] = []
        while number < lines.count, !fence.isClosed(by: lines[number]) {
          content.append(fence.content(of: lines[number]))
          number += 1
        }
        if number == lines.count { report(block.line - 1, "the block is not closed") }
        number += 1
        block.text = content.map { $0 + "\n" }.joined()
        for directive in pending { attach(directive, to: &block) }
        pending = []
        if !GuideBlock.languages.contains(block.language) {
          let known = GuideBlock.languages.sorted().joined(separator: ", ")
          report(block.line - 1, "a block of '\(block.language)', which is none of \(known)")
        }
        blocks.append(block)
        prose += Array(repeating: "", count: min(number, lines.count) - prose.count)
        continue
      }
      if let match = line.wholeMatch(of: /\s*<!--\s*([a-z][a-z ]*?):\s*(.*?)\s*-->\s*/) {
        let (name, value) = (String(match.1), String(match.2))
        if name == "imports" {
          imports.append((number, value.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }))
        } else if GuideBlock.directives[name] != nil {
          pending.append((number, name, value))
          prose.append("")
          continue
        }
      }
      for directive in pending { report(directive.line, "no block follows '\(directive.name)'") }
      pending = []
      prose.append(line)
    }
  }

  private mutating func attach(_ directive: (line: Int, name: String, value: String), to block: inout GuideBlock) {
    if GuideBlock.directives[directive.name]?.contains(block.language) != true {
      report(directive.line, "'\(directive.name)' means nothing before a block of '\(block.language)'")
    }
    block.directives[directive.name] = directive.value
  }

  private mutating func report(_ line: Int, _ message: String) {
    findings.append(GuideFinding(file: path, line: line, message: message))
  }

  /// Anchors as GitHub and GitLab make them.
  private mutating func nameHeadings() {
    var counts: [String: Int] = [:]
    for (index, line) in prose.enumerated() {
      guard let match = line.wholeMatch(of: /#{1,6}\s+(.*?)\s*#*/) else { continue }
      let text = String(match.1).replacing(/\[([^\]]*)\]\([^)]*\)/) { String($0.1) }.lowercased()
      let kept = text.unicodeScalars.filter {
        $0.properties.isAlphabetic || $0.properties.numericType != nil || "-_ ".unicodeScalars.contains($0)
      }
      var anchor = String(String.UnicodeScalarView(kept)).replacing(" ", with: "-")
      counts[anchor, default: 0] += 1
      if let count = counts[anchor], count > 1 { anchor += "-\(count - 1)" }
      headings.append(Heading(line: index + 1, anchor: anchor))
    }
  }
}

extension Guide {
  /// The repository.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Every guide of the repository.
  static let all: [Guide] = {
    let files = FileManager.default
    func names(_ directory: String) -> [String] {
      ((try? files.contentsOfDirectory(atPath: root.appending(path: directory).path)) ?? []).sorted()
    }
    var paths = ["README.md", "CONTRIBUTING.md"]
    paths += names("docs").filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
    for directory in ["Examples", "Integrations"] {
      paths.append("\(directory)/README.md")
      paths += names(directory).map { "\(directory)/\($0)/README.md" }
    }
    return paths.compactMap { path in
      guard let data = files.contents(atPath: root.appending(path: path).path) else { return nil }
      return Guide(path: path, text: String(decoding: data, as: UTF8.self))
    }
  }()

  /// Those that are tried: all, or the one whose path is in `$GUIDE`, while it is being written.
  static let tried: [Guide] = {
    guard let path = ProcessInfo.processInfo.environment["GUIDE"] else { return all }
    return all.filter { $0.path == path }
  }()

  /// The name of its fixture, without the ending: `docs/ci.md` has `ci`, `Examples/site/README.md` has `Examples-site`.
  var fixtureName: String {
    let parts = path.split(separator: "/").map(String.init)
    guard let last = parts.last else { return path }
    if last == "README.md", parts.count > 1 { return parts.dropLast().joined(separator: "-") }
    return String(last.dropLast(3))
  }
}

/// The line that begins a block.
private struct Fence {
  let language: String
  private let indentation: Int
  private let mark: String

  init?(_ line: String) {
    guard let match = line.wholeMatch(of: /(\s*)(`{3,}|~{3,})\s*([^`]*)/) else { return nil }
    indentation = match.1.count
    mark = String(match.2)
    language = match.3.trimmingCharacters(in: .whitespaces)
  }

  func isClosed(by line: String) -> Bool {
    let text = line.trimmingCharacters(in: .whitespaces)
    return text.count >= mark.count && text.allSatisfy { mark.first == $0 }
  }

  func content(of line: String) -> String {
    String(line.dropFirst(line.prefix(indentation).prefix { $0 == " " }.count))
  }
}

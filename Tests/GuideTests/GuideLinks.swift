import Foundation

/// Whether the links of guides lead anywhere.
struct GuideLinks {
  let guides: [String: Guide]
  /// Whether a file or directory of the repository is there.
  let exists: (String) -> Bool

  init(_ guides: [Guide], exists: @escaping (String) -> Bool) {
    self.guides = Dictionary(guides.map { ($0.path, $0) }) { first, _ in first }
    self.exists = exists
  }

  func findings(in guide: Guide) -> [GuideFinding] {
    var findings: [GuideFinding] = []
    for (index, line) in guide.prose.enumerated() {
      for target in Self.targets(line) {
        if let message = fault(of: target, in: guide) {
          findings.append(GuideFinding(file: guide.path, line: index + 1, message: message))
        }
      }
    }
    return findings
  }

  /// What a line links to, in Markdown or HTML.
  static func targets(_ line: String) -> [String] {
    // Code is no link.
    let text = line.replacing(/`[^`]*`/, with: "")
    let links = text.matches(of: /\]\(\s*<?([^)\s>]+)/).map { String($0.1) }
    let named = text.matches(of: /^\s*\[[^\]]+\]:\s*(\S+)/).map { String($0.1) }
    let html = text.matches(of: /\b(?:src|href|srcset)="([^"\s]+)/).map { String($0.1) }
    return links + named + html
  }

  private func fault(of target: String, in guide: Guide) -> String? {
    if target.contains("://") || target.hasPrefix("mailto:") { return nil }
    let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let path = parts[0].isEmpty ? guide.path : Self.resolve(parts[0], from: guide.path)
    guard let path, exists(path) else { return "the link leads nowhere: \(target)" }
    guard parts.count > 1, path.hasSuffix(".md") else { return nil }
    guard let other = guides[path] else { return nil }
    return other.headings.contains { $0.anchor == parts[1] } ? nil : "\(path) has no heading for #\(parts[1])"
  }

  /// A path below the repository; `nil` for what leads out of it.
  private static func resolve(_ relative: String, from path: String) -> String? {
    var parts = path.split(separator: "/").dropLast().map(String.init)
    for part in (relative.removingPercentEncoding ?? relative).split(separator: "/") {
      switch part {
      case ".": break
      case "..": if parts.popLast() == nil { return nil }
      default: parts.append(String(part))
      }
    }
    return parts.joined(separator: "/")
  }
}

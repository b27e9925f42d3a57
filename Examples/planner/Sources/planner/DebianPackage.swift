import LayerGraph

/// A package as dpkg knows it: what layers are planned of here, in place of store paths.
struct DebianPackage {
  var name: String
  var version: String
  var architecture: String
  /// The source package: what is built, and so what changes, together.
  var source: String
  /// `required`, `important`, `standard`, `optional` or `extra`.
  var priority: String
  /// In bytes; dpkg counts KiB.
  var size: Int64
  /// For each dependency the names that would satisfy it, in the order of preference.
  var dependencies: [[String]]
  /// Other names that it answers to.
  var provides: [String]

  /// Its name in the graph. Names come before versions, so that a history knows the package again after an update.
  var path: String { "/\(name)-\(version)-\(architecture)" }

  /// Reads the installed packages of a status file (`/var/lib/dpkg/status`).
  static func installed(status text: String) -> [DebianPackage] {
    text.split(separator: "\n\n").compactMap { stanza in
      var fields: [Substring: Substring] = [:]
      for line in stanza.split(separator: "\n") where line.first != " " {
        guard let colon = line.firstIndex(of: ":") else { continue }
        fields[line[..<colon]] = line[line.index(after: colon)...].drop { $0 == " " }
      }
      guard fields["Status"]?.hasSuffix(" installed") == true, let name = fields["Package"],
        let version = fields["Version"]
      else { return nil }
      let needs = [fields["Pre-Depends"], fields["Depends"]].compactMap(\.self).flatMap { $0.split(separator: ",") }
      return DebianPackage(
        name: String(name), version: String(version), architecture: String(fields["Architecture"] ?? "all"),
        source: firstWord(fields["Source"] ?? name), priority: String(fields["Priority"] ?? "optional"),
        size: (fields["Installed-Size"].flatMap { Int64($0) } ?? 0) * 1024,
        dependencies: needs.map { $0.split(separator: "|").map(firstWord) },
        provides: fields["Provides"]?.split(separator: ",").map(firstWord) ?? [])
    }
  }

  /// A name without the version or architecture behind it: `libc6 (>= 2.34)`, `python3:any`.
  private static func firstWord(_ text: Substring) -> String {
    String(text.drop { $0 == " " }.prefix { $0 != " " && $0 != "(" && $0 != ":" })
  }
}

extension StoreGraph {
  /// The graph of packages. Of a dependency with alternatives, the first that is installed counts.
  init(_ packages: [DebianPackage]) throws(LayerGraphError) {
    var paths: [String: String] = [:]
    for package in packages {
      for name in package.provides where paths[name] == nil { paths[name] = package.path }
    }
    for package in packages { paths[package.name] = package.path }
    try self.init(
      packages.map { package in
        Node(
          path: package.path, size: package.size,
          references: package.dependencies.compactMap { names in names.lazy.compactMap { paths[$0] }.first })
      })
  }
}

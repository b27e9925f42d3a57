import Foundation
import OCICore
import OCITesting
import SystemPackage

/// The Swift of guides, type-checked against the modules of this build.
struct SwiftBlocks {
  /// One block as a source file of its own.
  struct Source {
    var name: String
    var text: String
    /// What it declares for other files to see; two of one name cannot be in one module.
    var names: Set<String>
    var isManifest: Bool
  }

  let sources: [Source]

  init(_ guides: [Guide]) {
    sources = guides.flatMap { guide in
      guide.blocks.filter { $0.language == "swift" }.map { Self.source(of: $0, in: guide) }
    }
  }

  /// A function's body, unless it declares what cannot stand in one; a manifest stays what it is.
  static func source(of block: GuideBlock, in guide: Guide) -> Source {
    var modules = guide.imports.last { $0.line < block.line }?.modules ?? []
    var lines = GuideScript.lines(block.text)
    let isFile = lines.contains { $0.contains(/^(@main|@Suite|extension |protocol |import PackageDescription)/) }
    var name = guide.path.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined()
    name += "_\(block.line)"
    let location = "#sourceLocation(file: \"\(guide.path)\", line: \(block.line))\n"
    if lines.contains("import PackageDescription") {
      return Source(name: name, text: location + block.text, names: [], isManifest: true)
    }
    for index in lines.indices {
      guard let match = lines[index].wholeMatch(of: /import ([A-Za-z_]+)\s*/) else { continue }
      modules.append(String(match.1))
      if !isFile { lines[index] = "" }
    }
    if isFile {
      let imports = modules.filter { !block.text.contains("import \($0)\n") }.map { "import \($0)\n" }.joined()
      let names = Set(
        block.text.matches(
          of: /(?m)^(?:public |@main )*(?:struct|class|enum|actor|protocol|func|typealias) ([A-Za-z_0-9]+)/
        )
        .map { String($0.1) })
      let isProgram = lines.contains { $0.hasPrefix("@main") }
      return Source(
        name: name, text: imports + location + block.text, names: isProgram ? names.union(["@main"]) : names,
        isManifest: false)
    }
    let imports = modules.map { "import \($0)\n" }.joined()
    let text =
      imports + "func \(name)(\(block.directives["given"] ?? "")) async throws {\n" + location
      + lines.joined(separator: "\n") + "\n#sourceLocation()\n}\n"
    return Source(name: name, text: text, names: [], isManifest: false)
  }

  /// What the compiler finds, warnings too, except that an example does not use what it made.
  func findings() async throws -> [GuideFinding] {
    var modules: [[Source]] = []
    for source in sources where !source.isManifest {
      let fit = modules.firstIndex { module in module.allSatisfy { $0.names.isDisjoint(with: source.names) } }
      if let fit { modules[fit].append(source) } else { modules.append([source]) }
    }
    let manifests = sources.filter(\.isManifest)
    var findings = Self.unknownProducts(in: manifests)
    for module in modules { findings += try await Self.compile(module, options: try Self.options()) }
    for manifest in manifests {
      findings += try await Self.compile([manifest], options: try await Self.manifestOptions())
    }
    return findings
  }

  private static func compile(_ sources: [Source], options: [String]) async throws -> [GuideFinding] {
    try await withTemporaryDirectory { directory in
      var files: [String] = []
      for source in sources {
        let file = directory.appending("\(source.name).swift")
        try FileSystem.replace(file, with: Array(source.text.utf8))
        files.append(file.string)
      }
      let result = try await Tool.result(
        of: "swiftc", ["-typecheck", "-diagnostic-style", "llvm"] + options + files, in: directory)
      let findings = Self.findings(in: result.errors + result.output)
      if result.status != 0, findings.isEmpty {
        return [GuideFinding(file: "swiftc", line: 0, message: result.errors + result.output)]
      }
      return findings
    }
  }

  static func findings(in output: String) -> [GuideFinding] {
    GuideScript.lines(output).compactMap { line in
      guard let match = line.wholeMatch(of: /(.+?):(\d+):\d+: (error|warning): (.*)/) else { return nil }
      let message = String(match.4)
      if match.3 == "warning", message.contains(/was never (used|mutated|read)|is unused/) { return nil }
      return GuideFinding(file: String(match.1), line: Int(match.2) ?? 0, message: "\(match.3): \(message)")
    }
  }

  /// Products of this package that a manifest asks for, and that there are none of.
  private static func unknownProducts(in manifests: [Source]) -> [GuideFinding] {
    let own = (try? String(contentsOf: Guide.root.appending(path: "Package.swift"), encoding: .utf8)) ?? ""
    let products = Set(own.matches(of: /\.library\(name: "(\w+)"/).map { String($0.1) })
    return manifests.flatMap { manifest in
      manifest.text.matches(of: /\.product\(name: "(\w+)", package: "flywheel"\)/).compactMap { match in
        guard !products.contains(String(match.1)) else { return nil }
        return GuideFinding(file: manifest.name, line: 0, message: "the package has no product \(match.1)")
      }
    }
  }

  private static func options() throws -> [String] {
    // Without links, because the compiler takes two ways to one module for two modules.
    let build = URL(fileURLWithPath: GuideWorld.program).deletingLastPathComponent().resolvingSymlinksInPath()
    let files = FileManager.default
    func names(_ url: URL) -> [String] { ((try? files.contentsOfDirectory(atPath: url.path)) ?? []).sorted() }
    var maps = names(build).filter { $0.hasSuffix(".build") }.map { build.appending(path: "\($0)/module.modulemap") }
    maps += names(Guide.root.appending(path: "Sources")).map {
      Guide.root.appending(path: "Sources/\($0)/module.modulemap")
    }
    let checkouts = Guide.root.appending(path: ".build/checkouts")
    for package in names(checkouts) {
      let sources = checkouts.appending(path: "\(package)/Sources")
      maps += names(sources).map { sources.appending(path: "\($0)/include/module.modulemap") }
    }
    let there = maps.map(\.path).filter(files.fileExists(atPath:))
    return [
      "-swift-version", "6", "-I", build.appending(path: "Modules").path, "-module-cache-path",
      build.appending(path: "ModuleCache").path, "-module-name", "Guides", "-parse-as-library",
      // In one go: else the errors of one file keep those of others from being told.
      "-whole-module-optimization",
    ]
      + ["ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility", "NonisolatedNonsendingByDefault"]
      .flatMap { ["-enable-upcoming-feature", $0] } + there.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
  }

  /// The modules of manifests lie beside the compiler.
  private static func manifestOptions() async throws -> [String] {
    let information = try await Tool.result(of: "swiftc", ["-print-target-info"])
    let paths = try JSON(parsing: information.output).objectValue?["paths"]?.objectValue
    let resources = paths?["runtimeResourcePath"]?.stringValue ?? ""
    return ["-swift-version", "6", "-package-description-version", "6.2.0", "-I", "\(resources)/pm/ManifestAPI"]
  }
}

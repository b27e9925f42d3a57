public import LayerGraph
internal import OCICore
internal import Subprocess
public import SystemPackage

/// The Nix of this machine, asked through its `nix-store` program.
public struct NixStore: Sendable {
  private let program: String

  /// Creates a store that asks `nix-store`, found in `PATH` unless a path is given.
  public init(program: String = "nix-store") { self.program = program }

  /// The closure of store paths: they, and everything they refer to, directly or not.
  /// - Throws: `AssemblyError`: `nixUnavailable`, or `storePathMissing` when Nix does not know a path.
  public func closure(of roots: [FilePath]) async throws -> StoreGraph {
    let requisites = try await ask(["--query", "--requisites"] + roots.map(\.string))
    let paths = requisites.split(separator: "\n").map(String.init)
    // The registration of a path holds its size and references; the programs' newer names for this come and go.
    // Command lines are bounded, so a large closure is asked for in parts.
    var nodes: [StoreGraph.Node] = []
    for start in stride(from: 0, to: paths.count, by: 500) {
      let part = paths[start..<min(start + 500, paths.count)]
      nodes += try Self.parse(registrations: try await ask(["--dump-db"] + part))
    }
    guard !nodes.isEmpty else { throw AssemblyError(.nixUnavailable, "'\(program)' printed no registration") }
    return try StoreGraph(closure: nodes, name: roots.map(\.string).joined(separator: " "))
  }

  /// Whether a path, its symbolic links followed, is in the usual store, so that Nix can be asked about it.
  public static func holds(_ path: FilePath) -> Bool {
    FileSystem.resolvingSymlinks(path).starts(with: "/nix/store")
  }

  /// Parses `--dump-db`: for each path a line each for path, hash, size, deriver, number of references, references.
  static func parse(registrations text: String) throws(AssemblyError) -> [StoreGraph.Node] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    func unexpected(_ path: Substring) -> AssemblyError {
      AssemblyError(.nixUnavailable, "the registration of '\(path)' that nix-store printed is not understood")
    }
    var nodes: [StoreGraph.Node] = []
    while let path = lines.popFirst(), !path.isEmpty {
      guard lines.popFirst() != nil, let size = lines.popFirst().flatMap({ Int64($0) }), lines.popFirst() != nil,
        let count = lines.popFirst().flatMap({ Int($0) }), (0...lines.count).contains(count)
      else { throw unexpected(path) }
      nodes.append(
        StoreGraph.Node(path: String(path), size: size, references: lines.prefix(count).map(String.init)))
      lines = lines.dropFirst(count)
    }
    return nodes
  }

  func ask(_ arguments: [String]) async throws -> String {
    let executable: Executable = program.contains("/") ? .path(FilePath(program)) : .name(program)
    let outcome: (isSuccess: Bool, output: String?, failure: String?)
    do {
      let result = try await run(
        executable, arguments: Arguments(arguments), output: .string(limit: 256 << 20), error: .string(limit: 1 << 20))
      outcome = (result.terminationStatus.isSuccess, result.standardOutput, result.standardError)
    } catch {
      try Task.checkCancellation()
      throw AssemblyError(
        .nixUnavailable, "cannot run '\(program)': \(error); install Nix, or give the closure as a file")
    }
    try Task.checkCancellation()
    guard outcome.isSuccess, let output = outcome.output else {
      let lines = (outcome.failure ?? "").split(separator: "\n").filter { !$0.hasPrefix("warning:") }
      let reason = lines.joined(separator: " ")
      let isMissing = ["is not valid", "not in the Nix store", "does not exist", "No such file"].contains {
        reason.contains($0)
      }
      throw AssemblyError(
        isMissing ? .storePathMissing : .nixUnavailable,
        "'\(program) \(arguments.prefix(3).joined(separator: " "))' failed: \(reason)")
    }
    return output
  }
}

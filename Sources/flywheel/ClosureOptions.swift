import ArgumentParser
import ImageAssembly
import LayerGraph
import SystemPackage

/// Where the store paths come from.
struct ClosureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The closure as JSON: exportReferencesGraph, or 'nix path-info --json -r'.", valueName: "file"),
    completion: .file())
  var closure: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Store paths whose closure the installed Nix is asked for, or else the binary caches.", valueName: "path"))
  var nixPath: [String] = []

  func validate() throws {
    guard closure == nil || nixPath.isEmpty else {
      throw ValidationError("give either --closure FILE or --nix-path PATH")
    }
  }

  /// Whether a closure was named.
  var isGiven: Bool { closure != nil || !nixPath.isEmpty }

  /// For verbs that can do nothing without one.
  func requireClosure() throws {
    guard isGiven else { throw ValidationError("give either --closure FILE or --nix-path PATH") }
  }

  /// - Parameters:
  ///   - roots: Further store paths to ask Nix for.
  ///   - caches: Who is asked where Nix cannot tell.
  func graph(roots: [String] = [], caches: BinaryCaches? = nil) async throws -> StoreGraph {
    if let closure { return try StoreGraph(nixJSONFile: FilePath(closure)) }
    return try await NixStore().closure(of: (nixPath + roots).map { FilePath($0) }, orElse: caches)
  }
}

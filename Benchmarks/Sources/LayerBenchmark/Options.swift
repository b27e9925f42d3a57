import SystemPackage
import Tarball

struct Options {
  var directory = "/tmp/flywheel-benchmark"
  var tree: String?
  var rounds = 5
  var only: Set<String> = []

  struct UsageError: Error, CustomStringConvertible {
    var description: String {
      "usage: LayerBenchmark [--directory DIR] [--tree DIR] [--rounds N] [--only CONTENDER[,CONTENDER...]]"
    }
  }

  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { throw UsageError() }
      switch name {
      case "--directory": directory = value
      case "--tree": tree = value
      case "--rounds": rounds = max(1, Int(value) ?? rounds)
      case "--only": only = Set(value.split(separator: ",").map(String.init))
      default: throw UsageError()
      }
    }
  }

  /// The tree that was named, or 560 MB in 8,000 files and in 50,000.
  func trees() throws -> [Tree] {
    if let tree { return [try Tree(tree)] }
    var result: [Tree] = []
    for files in [8000, 50_000] {
      let path = FilePath(directory).appending("tree-\(files)")
      _ = try BenchmarkTree.make(at: path, files: files, bytes: 560_000_000)
      result.append(try Tree(path.string))
    }
    return result
  }
}

/// A directory to make a layer of.
struct Tree {
  var path: String
  var files: Int
  var entries: Int
  /// The length of its tar.
  var tarSize: Int

  /// Asks a process of its own, so that this one stays small: what it starts is charged with its memory.
  init(_ path: String) throws {
    self.path = path
    let numbers = Output.words(of: [CommandLine.arguments[0], "describe", path]).compactMap { Int($0) }
    guard numbers.count == 3 else { throw Options.UsageError() }
    (files, entries, tarSize) = (numbers[0], numbers[1], numbers[2])
  }

  /// Prints what `init` asks for.
  static func describe(_ path: String) async throws {
    let (digests, listing) = try await LayerRecipe([.init(FilePath(path), at: "/tree")]).digestsAndListing(
      encoding: .none)
    print(listing.entries.count { $0.kind == .file }, listing.entries.count, digests.uncompressedSize)
  }
}

import Dispatch
import Glibc
import LeastWork
import Measuring
import OCICore
import SystemPackage
import Tarball

/// Layers of trees of about 560 MB, ours and what others make of the same files, side by side in one run.
///
/// Every contender is a process of its own, so that its time and its peak memory are its own too; rounds are interleaved and
/// the median of each counts. The program calls itself for ours:
///
///     LayerBenchmark layer TREE ENCODING     one layer; prints digest and size
///     LayerBenchmark layers TREE ENCODING [COUNT]    several layers at once, four unless told otherwise
///     LayerBenchmark least TREE              the least work that four layers are
///     LayerBenchmark hash BYTES              SHA-256 of so many bytes in memory, and nothing else
@main
struct LayerBenchmark {
  /// Not async itself: the main thread of an async program waits in a way that valgrind does not survive.
  static func main() {
    let done = DispatchSemaphore(value: 0)
    // Detached, because `main` is on the main actor, which it blocks.
    Task.detached {
      do { try await run() } catch {
        print("error: \(error)")
        exit(1)
      }
      done.signal()
    }
    done.wait()
  }

  @concurrent private static func run() async throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch arguments.first {
    case "layer" where arguments.count == 3:
      let digests = try await recipe(arguments[1]).digests(encoding: LayerEncoding(parsing: arguments[2]))
      print(digests.digest, digests.size)
    case "layers" where (3...4).contains(arguments.count):
      guard let count = arguments.count == 3 ? 4 : Int(arguments[3]), count > 0 else { throw Options.UsageError() }
      let recipes = (0..<count).map { recipe(arguments[1], at: FilePath("/tree-\($0)")) }
      print(try await LayerRecipe.digests(of: recipes, encoding: LayerEncoding(parsing: arguments[2]))[0].digest)
    case "least" where arguments.count == 2: flywheel_least_work_of_four_layers(arguments[1])
    case "hash" where arguments.count == 2:
      print(hash(Int(arguments[1]) ?? 0))
    case "describe" where arguments.count == 2: try await Tree.describe(arguments[1])
    default:
      let options = try Options(arguments)
      for tree in try options.trees() { try compare(tree, options) }
      if options.tree == nil {
        try entries(options)
        try memory(options)
      }
    }
  }

  private static func recipe(_ tree: String, at destination: FilePath = "/tree") -> LayerRecipe {
    LayerRecipe([.init(FilePath(tree), at: destination)])
  }

  private static func hash(_ count: Int) -> Digest {
    let block = [UInt8](repeating: 0x5A, count: 1 << 20)
    var digester = Digester()
    for _ in 0..<(count >> 20) { digester.update(block.span) }
    return digester.finalize()
  }

  // MARK: One tree

  private static func compare(_ tree: Tree, _ options: Options) throws {
    let contenders = Contender.all(tree, selected: options.only)
    print(
      "\n\(tree.path): \(tree.files) files, \(tree.entries) entries, \(tree.tarSize >> 20) MiB of tar; medians of \(options.rounds) rounds"
    )
    var results = [[Measurement]](repeating: [], count: contenders.count)
    for round in 1...options.rounds {
      for (index, contender) in contenders.enumerated() {
        _ = try FileDescriptor.standardError.writeAll("round \(round): \(contender.name)\n".utf8)
        if let preparation = contender.preparation { _ = try Measurement(running: preparation) }
        results[index].append(try Measurement(running: contender.command))
      }
    }
    var table: [String: Measurement] = [:]
    var sizes: [String: Int] = [:]
    Text.row(["", "wall s", "CPU s", "MiB/s", "peak MiB", "size"])
    for (contender, measurements) in zip(contenders, results) {
      let median = Measurement.median(of: measurements)
      table[contender.name] = median
      sizes[contender.name] = contender.size.flatMap { try? $0() }
      Text.row([
        contender.name, Text.decimals(median.wall), Text.decimals(median.processor),
        "\(Int(Double(contender.layers * tree.tarSize >> 20) / median.wall))", "\(median.peakKiB >> 10)",
        sizes[contender.name].map(String.init) ?? "",
      ])
    }
    report(table, tree, sizes: sizes)
  }

  /// What is promised: a ratio of two contenders that must not be above a bound.
  private static func report(_ table: [String: Measurement], _ tree: Tree, sizes: [String: Int]) {
    func ratio(_ ours: String, _ peer: String, atMost bound: Double) {
      guard let mine = table[ours], let other = table[peer] else { return }
      Text.verdict("\(ours) / \(peer), wall", mine.wall / other.wall, atMost: bound)
    }
    func size(_ ours: String, _ peer: String, atMost bound: Double) {
      guard let mine = sizes[ours], let other = sizes[peer] else { return }
      Text.verdict("\(ours) / \(peer), size", Double(mine) / Double(other), atMost: bound)
    }
    print()
    ratio("none", "tar | openssl", atMost: 0.55)
    if tree.files <= 10_000 { ratio("none", "hash alone", atMost: 1.15) }
    if let one = table["none"], let four = table["four layers at once"] {
      Text.verdict("four layers at once / one by one, wall", four.wall / (4 * one.wall), atMost: 1 / 1.8)
      if let least = table["least work of four"] {
        Text.verdict("least work of four / one by one, wall", least.wall / (4 * one.wall), atMost: .infinity)
      }
    }
    ratio("gzip:6", "tar | pigz -6", atMost: 1)
    ratio("gzip:1", "tar | pigz -1", atMost: 1)
    // What is used unless told otherwise.
    ratio("gzip-libdeflate:6", "tar | pigz -6", atMost: 1)
    ratio("gzip-libdeflate:6", "umoci insert", atMost: 1)
    size("gzip-libdeflate:6", "umoci insert", atMost: 1)
    for peer in ["umoci insert", "buildah commit"] {
      // The fastest level that is no larger.
      let level = (sizes["gzip-libdeflate:2"] ?? 0) <= (sizes[peer] ?? 0) ? "gzip-libdeflate:2" : "gzip-libdeflate:3"
      ratio(level, peer, atMost: 0.65)
      size(level, peer, atMost: 1)
    }
    ratio("gzip-libdeflate:6", "gzip:6", atMost: 0.6)
    size("gzip-libdeflate:6", "gzip:6", atMost: 1)
    ratio("gzip-isal:1", "gzip:1", atMost: 0.5)
    size("gzip-isal:1", "gzip:1", atMost: 1.1)
    ratio("zstd:3", "tar | zstd -3", atMost: 0.9)
    if let ours = table["none"], let hash = table["hash alone"] {
      let each = (ours.processor - hash.processor) / Double(tree.entries) * 1e6
      Text.verdict("CPU beside hashing and with reading, microseconds an entry", each, atMost: .infinity)
    }
    let peak = table.filter { Contender.isOurs($0.key) }.map(\.value.peakKiB).max() ?? 0
    Text.verdict("peak memory of ours, MiB", Double(peak >> 10), atMost: 64)
  }

  /// 50,000 files of a byte: what an entry costs, walk, header and opening, with next to no content to read.
  private static func entries(_ options: Options) throws {
    let path = FilePath(options.directory).appending("tree-50000-tiny")
    _ = try BenchmarkTree.make(at: path, files: 50_000, bytes: 50_000)
    let tree = try Tree(path.string)
    var ours: [Measurement] = []
    var hash: [Measurement] = []
    for _ in 0..<options.rounds {
      ours.append(try Measurement(running: [CommandLine.arguments[0], "layer", tree.path, "none"]))
      hash.append(try Measurement(running: [CommandLine.arguments[0], "hash", "\(tree.tarSize)"]))
    }
    let processor = Measurement.median(of: ours).processor - Measurement.median(of: hash).processor
    print("\n\(tree.path): \(tree.files) files of a byte, \(tree.entries) entries; medians of \(options.rounds) rounds")
    Text.verdict("CPU beside hashing, microseconds an entry", processor / Double(tree.entries) * 1e6, atMost: 12)
  }

  /// A file of 20 GiB that takes no room: memory must not follow size.
  private static func memory(_ options: Options) throws {
    let directory = FilePath(options.directory).appending("sparse")
    try BenchmarkTree.makeDirectory(directory)
    let file = try FileDescriptor.open(
      directory.appending("20-GiB"), .writeOnly, options: .create, permissions: [.ownerReadWrite])
    try file.closeAfter { try file.resize(to: 20 << 30) }
    print("\na sparse file of 20 GiB")
    for encoding in ["none", "gzip-isal:1", "zstd:3"] {
      let result = try Measurement(running: [CommandLine.arguments[0], "layer", directory.string, encoding])
      Text.verdict(
        "peak memory of \(encoding), MiB (\(Text.decimals(result.wall)) s)", Double(result.peakKiB >> 10), atMost: 64)
    }
  }
}

/// What the benchmark prints.
enum Text {
  static func row(_ columns: [String]) {
    // A line at a time, also into a file.
    defer { fflush(nil) }
    print(columns.enumerated().map { pad($0.element, $0.offset == 0 ? 22 : 11) }.joined())
  }

  static func verdict(_ what: String, _ value: Double, atMost bound: Double) {
    defer { fflush(nil) }
    let judgement =
      bound.isInfinite ? "" : value <= bound ? "  (bar \(decimals(bound)): met)" : "  (bar \(decimals(bound)): MISSED)"
    print("\(what): \(decimals(value))\(judgement)")
  }

  static func decimals(_ value: Double) -> String {
    let thousandths = Int((value * 1000).rounded())
    let fraction = String(thousandths % 1000)
    return "\(thousandths / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}

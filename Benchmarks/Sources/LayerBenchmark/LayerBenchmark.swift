import Glibc
import SystemPackage
import Tarball

/// Layers of a tree of about 1 GiB in 20,000 files: ours and what a shell would do, side by side in one run.
///
/// Every contender is a process of its own, so that its peak memory is its own too; runs are interleaved and the best of
/// each counts.
@main
struct LayerBenchmark {
  static func main() async throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.count >= 3, arguments[0] == "layer" {
      let n = arguments.count > 4 ? LayerParallelism(fillers: Int(arguments[3])!, slots: Int(arguments[4])!) : .automatic
      return try await layer(of: FilePath(arguments[1]), arguments[2], n)
    }
    if arguments.count == 4, arguments[0] == "layers" {
      let recipes = (0..<4).map { LayerRecipe([.init(FilePath(arguments[1]), at: FilePath("/t\($0)"))]) }
      let d = try await LayerRecipe.digests(of: recipes, encoding: LayerEncoding(parsing: arguments[2]), width: Int(arguments[3])!)
      return print(d[0].digest)
    }
    let options = try Options(arguments)
    let tree = FilePath(options.directory).appending("tree-\(options.files)-\(options.bytes >> 20)")
    let total = try BenchmarkTree.make(at: tree, files: options.files, bytes: options.bytes)
    let contenders = [
      Contender(name: "flywheel, none", command: [CommandLine.arguments[0], "layer", tree.string, "none"], peer: 1),
      Contender(name: "tar | sha256sum", command: shell("\(tar(tree)) | sha256sum")),
      Contender(
        name: "flywheel, gzip:6", command: [CommandLine.arguments[0], "layer", tree.string, "gzip:6"], peer: 3),
      Contender(name: "tar | pigz -6", command: shell("\(tar(tree)) | pigz -6 -n | sha256sum")),
    ]
    print("\(options.files) files, \(total >> 20) MiB; best of \(options.rounds) interleaved rounds")
    var best = [Measurement?](repeating: nil, count: contenders.count)
    for round in 1...options.rounds {
      for (index, contender) in contenders.enumerated() {
        _ = try FileDescriptor.standardError.writeAll("round \(round): \(contender.name)\n".utf8)
        let measurement = try Measurement(running: contender.command)
        best[index] = best[index].map { $0.better(measurement) } ?? measurement
      }
    }
    report(contenders, best.compactMap(\.self), total)
  }

  private static func layer(of tree: FilePath, _ encoding: String, _ n: LayerParallelism) async throws {
    let recipe = LayerRecipe([.init(tree, at: "/tree")])
    let digests = try await recipe.digests(encoding: LayerEncoding(parsing: encoding), parallelism: n)
    print(digests.digest, digests.size)
  }

  private static func shell(_ command: String) -> [String] { ["/bin/sh", "-c", command] }

  private static func tar(_ tree: FilePath) -> String {
    "tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1 --format=posix -C '\(tree)' -cf - ."
  }

  private static func report(_ contenders: [Contender], _ results: [Measurement], _ total: Int) {
    func column(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    print(column("", 18) + column("wall s", 9) + column("CPU s", 9) + column("MiB/s", 9) + column("peak MiB", 10))
    for (contender, result) in zip(contenders, results) {
      print(
        column(contender.name, 18) + column(decimals(result.wall), 9) + column(decimals(result.processor), 9)
          + column("\(Int(Double(total >> 20) / result.wall))", 9) + column("\(result.peakKiB >> 10)", 10))
    }
    for (contender, result) in zip(contenders, results) {
      guard let peer = contender.peer else { continue }
      print(
        "\(contender.name): \(decimals(results[peer].wall / result.wall)) times as fast as \(contenders[peer].name)")
    }
    let ours = zip(contenders, results).filter { $0.0.peer != nil }
    let peak = ours.map(\.1.peakKiB).max() ?? 0
    print("peak memory of ours: \(peak >> 10) MiB, \(peak < 100 << 10 ? "within" : "ABOVE") the bound of 100 MiB")
    if peak >= 100 << 10 { exit(1) }
  }

  private static func decimals(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
  }
}

/// Something to measure, and which contender it is compared with.
struct Contender {
  var name: String
  var command: [String]
  var peer: Int?
}

struct Options {
  var directory = "/tmp/flywheel-benchmark"
  var files = 20_000
  var bytes = 1 << 30
  var rounds = 3

  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { throw UsageError() }
      switch name {
      case "--directory": directory = value
      case "--files": files = Int(value) ?? files
      case "--mebibytes": bytes = (Int(value) ?? 1024) << 20
      case "--rounds": rounds = Int(value) ?? rounds
      default: throw UsageError()
      }
    }
  }

  struct UsageError: Error, CustomStringConvertible {
    var description: String { "usage: LayerBenchmark [--directory DIR] [--files N] [--mebibytes N] [--rounds N]" }
  }
}

import ImageAssembly
import LayerGraph
import OCICore
import SystemPackage
import Tarball

/// What the verbs print: text for people, JSON for programs.
enum Output {
  // MARK: JSON

  static func json(_ plan: LayerPlan) -> JSON {
    object([
      (
        "layers",
        .array(
          plan.layers.map { layer in
            object([
              ("paths", .strings(layer.paths)), ("bytes", .integer(layer.bytes)), ("reason", .string(layer.reason)),
            ])
          })
      )
    ])
  }

  static func json(_ image: AssembledImage, _ pushes: [(name: String, report: PushReport)]) -> JSON {
    object([
      ("digest", .string(image.descriptor.digest.description)),
      ("manifest", image.descriptor.json),
      ("config", image.manifest.config.json),
      ("platform", .string(image.configuration.platform.description)),
      ("layers", .array(image.layers.map(json))),
      ("uploaded", .array(pushes.map { json($0.report, $0.name) })),
    ])
  }

  private static func json(_ layer: AssembledImage.Layer) -> JSON {
    object([
      ("mediaType", .string(layer.descriptor.mediaType.text)),
      ("digest", .string(layer.descriptor.digest.description)),
      ("diffID", .string(layer.diffID.description)),
      ("size", .integer(layer.descriptor.size)),
      ("uncompressedSize", .integer(layer.uncompressedSize)),
      ("paths", .strings(layer.content.storePaths)),
      ("copiedToRoot", .strings(layer.content.recipe.sources.filter { $0.destination == "/" }.map(\.host.string))),
    ])
  }

  private static func json(_ report: PushReport, _ destination: String) -> JSON {
    object([
      ("destination", .string(destination)),
      ("blobs", .array(report.uploaded.map(\.json))),
      ("bytes", .integer(report.uploadedBytes)),
      ("skipped", .integer(report.skipped.count)),
      ("movedTags", .strings(report.movedTags)),
      ("unchangedTags", .strings(report.unchangedTags)),
    ])
  }

  private static func object(_ members: [(String, JSON)]) -> JSON {
    var object = JSON.Object()
    for (name, value) in members { object[name] = value }
    return .object(object)
  }

  // MARK: Text

  static func print(_ plan: LayerPlan, _ graph: StoreGraph) throws {
    var lines: [String] = []
    for (index, layer) in plan.layers.enumerated() {
      lines.append("layer \(index + 1): \(bytes(layer.bytes)), \(layer.reason)")
      lines += layer.paths.map { "  \($0)" }
    }
    let total = "\(count(plan.layers.count, "layer")), \(count(graph.nodes.count, "store path"))"
    try print((lines + ["\(total), \(bytes(graph.totalSize))"]).joined(separator: "\n"))
    if !graph.outsideReferences.isEmpty {
      printError(
        "warning: \(count(graph.outsideReferences.count, "reference")) out of the closure; build will refuse it")
    }
  }

  static func summary(of image: AssembledImage) -> String {
    let size = image.layers.reduce(0) { $0 + $1.descriptor.size }
    return "\(image.configuration.platform), \(count(image.layers.count, "layer")), \(bytes(size)) (\(image.encoding))"
  }

  static func summary(of report: PushReport, _ name: String) -> String {
    let tags = report.movedTags + report.unchangedTags
    let blobs =
      report.uploaded.isEmpty
      ? "up to date" : "sent \(count(report.uploaded.count, "blob")), \(bytes(report.uploadedBytes))"
    return "\(name): \(blobs)" + (tags.isEmpty ? "" : "; tagged \(tags.joined(separator: ", "))")
  }

  static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  /// A size in binary units with one decimal.
  static func bytes(_ number: Int64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var unit = 0
    var (value, divisor) = (number, Int64(1))
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      divisor *= 1024
      unit += 1
    }
    return unit == 0 ? "\(number) B" : "\(value).\((number % divisor) / (divisor / 1024) * 10 / 1024) \(units[unit])"
  }

  /// Prints a result and sees to it that it has arrived: a digest that is lost on a full disk is no success.
  static func print(_ text: String) throws {
    do {
      _ = try FileDescriptor.standardOutput.writeAll((text + "\n").utf8)
    } catch {
      throw OCIError(.ioFailure, "cannot write the result to standard output: \(error)")
    }
  }
}

import ImageAssembly
import LayerGraph
import OCICore
import SystemPackage
import Tarball

/// What the verbs print: text for people, JSON for programs.
enum Output {
  // MARK: JSON

  static func json(_ image: AssembledImage, _ uploaded: JSON?) -> JSON {
    var object: JSON.Object = [
      "digest": .string(image.descriptor.digest.description),
      "manifest": image.descriptor.json,
      "config": image.manifest.config.json,
      "platform": .string(image.configuration.platform.description),
      "layers": .array(image.layers.map(json)),
    ]
    if let base = image.base {
      object["base"] = .object(["name": .string(base.name), "layers": .array(base.descriptors.map(\.json))])
    }
    object["uploaded"] = uploaded
    return .object(object)
  }

  private static func json(_ layer: AssembledImage.Layer) -> JSON {
    .object([
      "mediaType": .string(layer.descriptor.mediaType.text),
      "digest": .string(layer.descriptor.digest.description),
      "diffID": .string(layer.diffID.description),
      "size": .integer(layer.descriptor.size),
      "uncompressedSize": .integer(layer.uncompressedSize),
      "paths": .strings(layer.content.storePaths),
      "copiedToRoot": .strings(layer.content.recipe.sources.filter { $0.destination == "/" }.map(\.host.string)),
    ])
  }

  static func json(_ report: CopyReport, _ destination: String) -> JSON {
    .object([
      "destination": .string(destination),
      "blobs": .array(report.copiedBlobs.map(\.json)),
      "bytes": .integer(report.copiedBytes),
      "skipped": .integer(report.skipped.count),
      "movedTags": .strings(report.movedTags),
      "unchangedTags": .strings(report.unchangedTags),
    ])
  }

  /// What would be sent to each destination.
  static func print(_ plans: [(name: String, plan: CopyPlan)], of root: Descriptor, json: Bool) throws {
    if json {
      let object: JSON.Object = [
        "digest": .string(root.digest.description),
        "plans": .array(plans.map { Output.json($0.plan, $0.name) }),
      ]
      return try print(JSON.object(object).prettyText)
    }
    for (name, plan) in plans { try print(text(plan, name)) }
    if plans.isEmpty { try print(root.digest.description) }
  }

  /// What became of each copy.
  static func print(_ outcomes: [CopyJob.Outcome], isDryRun: Bool, json: Bool) throws {
    if json { return try print(JSON.object(["copies": .array(outcomes.map(Output.json))]).prettyText) }
    for outcome in outcomes {
      let name = "\(outcome.job.source) to \(outcome.job.destination)"
      if let plan = outcome.plan { try print(text(plan, name)) }
      if let report = outcome.report, let root = outcome.root {
        try print("\(root.digest) \(summary(of: report, name))")
      }
    }
    let failed = outcomes.count { $0.failure != nil }
    if outcomes.count > 1, failed > 0 {
      Console.remark("\(count(failed, "copy", "copies")) of \(outcomes.count) failed")
    }
  }

  private static func json(_ outcome: CopyJob.Outcome) -> JSON {
    var object: JSON.Object = [
      "source": .string("\(outcome.job.source)"), "destination": .string("\(outcome.job.destination)"),
    ]
    if let root = outcome.root { object["digest"] = .string(root.digest.description) }
    if let report = outcome.report { object["report"] = json(report, "\(outcome.job.destination)") }
    if let plan = outcome.plan { object["plan"] = json(plan, "\(outcome.job.destination)") }
    if let failure = outcome.failure {
      object["error"] = .object(ErrorReport(failure).json)
    }
    return .object(object)
  }

  static func json(_ plan: CopyPlan, _ destination: String) -> JSON {
    .object([
      "destination": .string(destination),
      "send": .array(plan.sent.map(\.json)),
      "sendBytes": .integer(plan.sentBytes),
      "keep": .array(plan.steps.filter { $0.action == .keep }.map(\.descriptor.json)),
      "tags": .array(
        plan.tags.map { step in
          .object([
            "tag": .string(step.tag), "current": step.current.map { .string($0.description) } ?? .null,
            "changes": .bool(step.current != plan.root.digest),
          ])
        }),
    ])
  }

  // MARK: Text

  static func text(_ plan: CopyPlan, _ name: String) -> String {
    var lines = ["\(name): would send \(bytes(plan.sentBytes)) in \(count(plan.sent.count, "blob")) and manifests"]
    if plan.isEmpty { lines = ["\(name): nothing to do"] }
    for step in plan.steps {
      let verb = step.action == .send ? "send" : step.action == .keep ? "has" : "leave out"
      lines.append("  \(verb) \(step.descriptor.digest) (\(bytes(step.descriptor.size)), \(step.descriptor.mediaType))")
    }
    for step in plan.tags where step.current != plan.root.digest {
      lines.append("  set tag \(step.tag)" + (step.current.map { ", now \($0)" } ?? ", which is new"))
    }
    return lines.joined(separator: "\n")
  }

  static func print(_ plan: LayerPlan, _ graph: StoreGraph, _ explanation: PlanExplanation?) throws {
    var lines: [String] = []
    for (index, layer) in plan.layers.enumerated() {
      var line = "layer \(index + 1): \(bytes(layer.bytes)), \(layer.reason)"
      if let explained = explanation?.layers[index] {
        line +=
          "; changes with \(percent(explained.changeProbability)) of versions, about \(bytes(explained.expectedBytes)) each time"
      }
      lines.append(line)
      lines += layer.paths.map { "  \($0)" } + layer.dead.map { "  departed, hidden above: \($0)" }
    }
    let total = "\(count(plan.layers.count, "layer")), \(count(graph.nodes.count, "store path"))"
    lines.append("\(total), \(bytes(graph.totalSize))")
    if let explanation { lines += text(explanation) }
    try print(lines.joined(separator: "\n"))
    if !graph.outsideReferences.isEmpty {
      Console.warn(
        "\(count(graph.outsideReferences.count, "reference")) out of the closure; build will refuse it")
    }
  }

  private static func text(_ explanation: PlanExplanation) -> [String] {
    var lines = [""]
    for gone in explanation.gone {
      lines.append(
        "gone: layer \(gone.place + 1) of the previous plan, \(gone.reason); \(bytes(gone.rewrittenBytes)) written again, "
          + "\(bytes(gone.freedBytes)) given up")
    }
    lines.append("sent now: \(bytes(explanation.sentBytes))")
    lines.append(
      "expected with the next version: \(bytes(explanation.expectedBytes)); \(bytes(explanation.unavoidableBytes)) change themselves, "
        + "and without dead bytes no plan of so many layers sends less than \(bytes(explanation.lowerBound))")
    for other in explanation.alternatives {
      lines.append(
        "  \(other.strategy.padded(to: 20)) would send \(bytes(other.sentBytes)) now, \(bytes(other.expectedBytes)) with the next"
      )
    }
    return lines
  }

  /// The reports of one image and one number of layers, as a table.
  static func print(_ reports: [ReplayReport], image: String) throws {
    guard let first = reports.first else { return }
    var lines = [
      "\(image): \(first.updates.count) updates, at most \(count(first.maximumLayers, "layer")); "
        + "\(percent(first.unavoidableShare.mean)) of the image change each time",
      "\("strategy".padded(to: 24))  pulled  median     p95   waste   chain  pushed    dead  layers",
    ]
    for report in reports {
      let name = report.strategy + (report.deadShare > 0 ? " (\(percent(report.deadShare)) dead)" : "")
      let pulled = report.pulledShare
      let figures = [
        pulled.mean, pulled.median, pulled.percentile95, report.waste, report.chainShare.mean, report.pushedShare.mean,
        report.deadBytesShare.mean,
      ]
      let layers = String(Int(report.summary { Double($0.layers) }.mean.rounded()))
      lines.append(
        name.padded(to: 24) + figures.map { percent($0).leftPadded(to: 8) }.joined() + layers.leftPadded(to: 8))
    }
    try print(lines.joined(separator: "\n") + "\n")
  }

  static func print(_ plan: FleetPlan, uniqueBytes: Int64) throws {
    let users = plan.images.values.reduce(into: [Int: Int]()) { counts, numbers in
      for number in numbers { counts[number, default: 0] += 1 }
    }
    var lines = plan.images.keys.sorted().map { name in
      let numbers = plan.images[name] ?? []
      let total = numbers.reduce(Int64(0)) { $0 + plan.layers[$1].bytes }
      let shared = numbers.reduce(Int64(0)) { users[$1] ?? 0 > 1 ? $0 + plan.layers[$1].bytes : $0 }
      return
        "\(name): \(count(numbers.count, "layer")), \(bytes(total)), of which \(bytes(shared)) in layers that others use too"
    }
    let ratio = uniqueBytes == 0 ? 1 : Double(plan.registryBytes) / Double(uniqueBytes)
    lines.append(
      "\(count(plan.images.count, "image")), \(count(plan.layers.count, "layer")), \(bytes(plan.registryBytes)) in a registry: "
        + "\(percent(ratio)) of the \(bytes(uniqueBytes)) that are different")
    try print(lines.joined(separator: "\n"))
  }

  /// A share with one decimal.
  static func percent(_ share: Double) -> String {
    let tenths = Int((share * 1000).rounded())
    return "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)%"
  }

  static func bytes(_ number: Double) -> String { bytes(Int64(exactly: number.rounded()) ?? .max) }

  static func summary(of image: AssembledImage) -> String {
    let size = image.layers.reduce(0) { $0 + $1.descriptor.size }
    return
      "\(image.configuration.platform), \(count(image.layers.count, "layer")), \(bytes(size)) (\(image.layers.first.map { "\($0.encoding)" } ?? "no layers"))"
  }

  static func summary(of report: CopyReport, _ name: String) -> String {
    let tags = report.movedTags + report.unchangedTags
    let blobs =
      report.copiedBlobs.isEmpty
      ? "up to date" : "sent \(count(report.copiedBlobs.count, "blob")), \(bytes(report.copiedBytes))"
    return "\(name): \(blobs)" + (tags.isEmpty ? "" : "; tagged \(tags.joined(separator: ", "))")
  }

  private static func count(_ number: Int, _ one: String, _ many: String) -> String {
    "\(number) \(number == 1 ? one : many)"
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
    Console.clearStatus()
    do {
      _ = try FileDescriptor.standardOutput.writeAll((visible(text) + "\n").utf8)
    } catch {
      throw OCIError(.ioFailure, "cannot write the result to standard output: \(error)")
    }
  }

  /// Text of images and registries may hold what a terminal would obey: it is shown instead.
  static func visible(_ text: String) -> String {
    func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
      scalar.value < 0x20 && scalar != "\n" && scalar != "\t" || (0x7F...0x9F).contains(scalar.value)
    }
    guard text.unicodeScalars.contains(where: isObeyed) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      result += isObeyed(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return result
  }

  /// Writes a page to a file, or for `-` prints it; gives whether it was printed, so that nothing else may be.
  static func writePage(_ html: String, to file: String) throws -> Bool {
    guard file == "-" else {
      try write(html, to: FilePath(file))
      return false
    }
    try print(String(html.dropLast(html.hasSuffix("\n") ? 1 : 0)))
    return true
  }

  /// Writes a file that was asked for.
  static func write(_ text: String, to path: FilePath) throws {
    let directory = path.removingLastComponent()
    guard !FileSystem.isDirectory(path), directory.isEmpty || FileSystem.isDirectory(directory) else {
      let what =
        FileSystem.isDirectory(path)
        ? "it is a directory; name a file" : "there is no directory '\(directory)'; make it first"
      throw OCIError(.ioFailure, "cannot write '\(path)': \(what)")
    }
    try FileSystem.replace(path, with: Array(text.utf8))
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

  fileprivate func leftPadded(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}

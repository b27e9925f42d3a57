public import LayerGraph
internal import OCICore

/// A plan as one page of HTML that needs nothing else: a treemap of layers and paths, and charts of what updates moved.
public struct PlanPage: Sendable {
  private let plan: LayerPlan
  private let explanation: PlanExplanation
  private let reports: [ReplayReport]
  private let maximumLayers: Int

  /// Describes the page.
  /// - Parameters:
  ///   - plan: The plan that is drawn.
  ///   - explanation: That of the plan.
  ///   - reports: What strategies moved over a history; the first is drawn strongest. None for no chart.
  ///   - maximumLayers: The most layers that it might have had.
  public init(plan: LayerPlan, explanation: PlanExplanation, reports: [ReplayReport] = [], maximumLayers: Int) {
    self.plan = plan
    self.explanation = explanation
    self.reports = reports
    self.maximumLayers = maximumLayers
  }

  /// The page.
  public var html: String {
    var sections = [paths]
    if let chart = HistoryChart(reports) {
      sections.append(.init(id: "history", title: "What updates pulled", body: chart.html))
    }
    sections += [layers, alternatives]
    return HTMLPage(
      title: "Layer plan", header: header, sections: sections,
      footer: "Written by flywheel plan. The page fetches nothing.", data: .object(["tree": tree]),
      script: PlanPageScript.source
    ).html
  }

  private var header: String {
    let total = plan.layers.reduce(0.0) { $0 + Double($1.bytes) }
    let facts = [
      (PageText.count(plan.layers.count), "of at most \(PageText.count(maximumLayers, "layer"))"),
      (PageText.bytes(total), "in \(PageText.count(explanation.sizes.count, "path"))"),
      (PageText.bytes(explanation.expectedBytes), "expected with the next version"),
      (PageText.bytes(explanation.unavoidableBytes), "of them change themselves"),
    ]
    let items = facts.map { "<li><b>\($0.0)</b><span>\($0.1)</span></li>" }
    return "<h1>Layer plan</h1>\n<ul class=\"facts\">\(items.joined())</ul>"
  }

  // MARK: Sections

  private var paths: HTMLPage.Section {
    let note =
      "An area is as large as its bytes. Blue changes rarely, red with most versions; hatched is departed and hidden. Click a layer, or press Enter, to go into it."
    return .init(
      id: "paths", title: "Layers and paths",
      body: HTMLPage.treemap(label: "Treemap of the layers and their paths", note: note))
  }

  private var layers: HTMLPage.Section {
    let rows = zip(plan.layers, explanation.layers).enumerated().map { index, pair in
      let (layer, explained) = pair
      let paths = (layer.paths + layer.dead.map { "\($0) (departed)" })
        .map { "<li class=\"code\">\(PageText.escaped($0))</li>" }
      return [
        String(index + 1), PageText.bytes(layer.bytes),
        explained.deadBytes == 0 ? "–" : PageText.bytes(explained.deadBytes),
        PageText.percent(explained.changeProbability), PageText.bytes(explained.expectedBytes),
        "<details><summary>\(PageText.count(layer.paths.count, "path"))</summary><ul>\(paths.joined())</ul></details>",
        PageText.escaped(explained.reason),
      ]
    }
    let columns = [
      ("layer", true), ("bytes", true), ("departed", true), ("changes", true), ("expected bytes", true),
      ("paths", false),
      ("why", false),
    ]
    return .init(
      id: "layers", title: "Layers",
      body: HTMLPage.table(id: "layer-table", caption: "From the bottom up", columns: columns, rows: rows))
  }

  private var alternatives: HTMLPage.Section {
    let rows = explanation.alternatives.map { other in
      [PageText.escaped(other.strategy), PageText.bytes(other.sentBytes), PageText.bytes(other.expectedBytes)]
    }
    let own = ["this plan", PageText.bytes(explanation.sentBytes), PageText.bytes(explanation.expectedBytes)]
    return .init(
      id: "alternatives", title: "Other ways to divide",
      body: HTMLPage.table(
        id: "strategy-table", caption: "What each strategy would send",
        columns: [("strategy", false), ("now", true), ("expected with the next version", true)], rows: [own] + rows))
  }

  // MARK: What the script draws

  /// An array a field: the plan, then each layer with its paths. A chance is in thousandths; there is none for a layer as a
  /// whole, and departed paths have one of their own kind.
  private var tree: JSON {
    let (unknown, departed) = (-1, -2)
    var names = ["plan"]
    var paths = ["plan"]
    var parents = [0]
    var sizes = [Int64(0)]
    var chances = [unknown]
    func append(_ name: String, _ path: String, _ parent: Int, _ size: Int64, _ chance: Int) {
      names.append(PageText.visible(name))
      paths.append(PageText.visible(path))
      parents.append(parent)
      sizes.append(size)
      chances.append(chance)
    }
    for (index, layer) in plan.layers.enumerated() {
      let number = names.count
      append("layer \(index + 1)", "layer \(index + 1)", 0, 0, unknown)
      for path in layer.paths {
        let chance = explanation.volatility[path] ?? 1
        append(
          Self.shortName(path), path, number, explanation.sizes[path] ?? 0,
          Int((min(1, max(0, chance)) * 1000).rounded()))
      }
      let dead = explanation.layers[index].deadBytes
      if dead > 0 {
        let name = PageText.count(layer.dead.count, "departed path")
        append(name, name, number, dead, departed)
      }
    }
    return .object([
      "name": .strings(names), "path": .strings(paths), "parent": .array(parents.map { .integer($0) }),
      "size": .array(sizes.map { .integer($0) }), "chance": .array(chances.map { .integer($0) }),
    ])
  }

  /// A store path's name without directory and hash: the beginning that is alike would fill a small area.
  private static func shortName(_ path: String) -> String {
    let last = path.split(separator: "/").last.map(String.init) ?? path
    guard let dash = last.firstIndex(of: "-"), last.distance(from: last.startIndex, to: dash) == 32 else { return last }
    return String(last[last.index(after: dash)...])
  }
}

public import LayerGraph

/// A plan as one page of HTML that needs nothing else: a treemap of layers and paths, and a chart of what updates
/// moved.
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
    let total = plan.layers.reduce(Int64(0)) { $0 + $1.bytes }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width">
      <title>Layer plan</title>
      <style>
      body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px; padding: 0 1rem; color: #1c2733; }
      svg { width: 100%; height: auto; display: block; }
      table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
      th, td { text-align: right; padding: 0.2rem 0.6rem; border-bottom: 1px solid #dde3e8; }
      th:last-child, td:last-child, th:first-child, td:first-child { text-align: left; }
      .note { color: #5a6875; }
      text { font: 11px system-ui, sans-serif; pointer-events: none; }
      </style>
      </head>
      <body>
      <h1>Layer plan</h1>
      <p>\(plan.layers.count) of at most \(maximumLayers) layers, \(Self.bytes(Double(total))); \
      \(Self.bytes(explanation.expectedBytes)) are expected to be sent with the next version, of which \
      \(Self.bytes(explanation.unavoidableBytes)) change themselves.</p>
      <h2>Layers and paths</h2>
      <p class="note">An area is as large as its bytes. Blue changes rarely, red with most versions; hatched is departed and hidden. \
      Point at an area to see what it is.</p>
      \(treemap)
      \(chart)
      <h2>Layers, from the bottom up</h2>
      <table>
      <tr><th>layer</th><th>bytes</th><th>departed</th><th>changes</th><th>expected bytes</th><th>why</th></tr>
      \(rows)
      </table>
      <h2>Other ways to divide</h2>
      <table>
      <tr><th>strategy</th><th>sent now</th><th>expected with the next version</th><th></th></tr>
      \(alternatives)
      </table>
      </body>
      </html>

      """
  }

  // MARK: Tables

  private var rows: String {
    zip(plan.layers, explanation.layers).enumerated().map { index, pair in
      let (layer, explained) = pair
      return
        "<tr><td>\(index + 1)</td><td>\(Self.bytes(Double(layer.bytes)))</td><td>\(Self.bytes(Double(explained.deadBytes)))</td>"
        + "<td>\(Self.percent(explained.changeProbability))</td><td>\(Self.bytes(explained.expectedBytes))</td>"
        + "<td>\(Self.escaped(explained.reason))</td></tr>"
    }.joined(separator: "\n")
  }

  private var alternatives: String {
    explanation.alternatives.map { other in
      "<tr><td>\(Self.escaped(other.strategy))</td><td>\(Self.bytes(Double(other.sentBytes)))</td>"
        + "<td>\(Self.bytes(other.expectedBytes))</td><td></td></tr>"
    }.joined(separator: "\n")
  }

  // MARK: Treemap

  private var treemap: String {
    let area = Rectangle(x: 0, y: 0, width: 1100, height: 560)
    var marks = [
      #"<svg viewBox="0 0 1100 560" role="img" aria-label="Treemap of layers and paths">"#,
      ##"<defs><pattern id="gone" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0 6L6 0" stroke="#444"/></pattern></defs>"##,
    ]
    let order = plan.layers.indices.sorted { (plan.layers[$0].bytes, $1) > (plan.layers[$1].bytes, $0) }
    let places = Rectangle.squarified(order.map { Double(plan.layers[$0].bytes) }, in: area)
    for (index, place) in zip(order, places) { marks.append(layer(index, place)) }
    return (marks + ["</svg>"]).joined(separator: "\n")
  }

  private func layer(_ index: Int, _ place: Rectangle) -> String {
    let layer = plan.layers[index]
    let sizes = explanation.sizes
    var parts = layer.paths.map { (path: $0, bytes: Double(sizes[$0] ?? 0), isDead: false) }
    let dead = Double(explanation.layers[index].deadBytes)
    if dead > 0 { parts.append(("\(layer.dead.count) departed paths", dead, true)) }
    parts.sort { $0.bytes != $1.bytes ? $0.bytes > $1.bytes : $0.path < $1.path }
    var marks = ["<g>"]
    for (part, own) in zip(parts, Rectangle.squarified(parts.map(\.bytes), in: place.inset(1.5)))
    where own.width > 0.3 && own.height > 0.3 {
      let chance = explanation.volatility[part.path] ?? 1
      let title =
        "layer \(index + 1): \(part.path), \(Self.bytes(part.bytes))\(part.isDead ? "" : ", changes with \(Self.percent(chance)) of versions")"
      marks.append(
        "<rect \(own.attributes) fill=\"\(part.isDead ? "url(#gone)" : Self.color(chance))\" stroke=\"#fff\" stroke-width=\"0.4\">"
          + "<title>\(Self.escaped(title))</title></rect>")
    }
    marks.append("<rect \(place.attributes) fill=\"none\" stroke=\"#1c2733\" stroke-width=\"1.2\"/>")
    if place.width > 34, place.height > 18 {
      marks.append("<text x=\"\(Self.number(place.x + 5))\" y=\"\(Self.number(place.y + 14))\">\(index + 1)</text>")
    }
    return (marks + ["</g>"]).joined(separator: "\n")
  }

  // MARK: Chart

  private var chart: String {
    guard let first = reports.first, first.updates.count > 1 else { return "" }
    let colors = ["#c2410c", "#2563eb", "#0f766e", "#7c3aed", "#78716c"]
    let highest = reports.flatMap { $0.updates.map { Double($0.pulledBytes) } }.max() ?? 1
    let (width, height) = (1040.0, 240.0)
    func points(_ values: [Double]) -> String {
      values.enumerated().map { index, value in
        let x = 50 + width * Double(index) / Double(max(1, values.count - 1))
        return "\(Self.number(x)),\(Self.number(10 + height * (1 - value / max(1, highest))))"
      }.joined(separator: " ")
    }
    var marks = [#"<svg viewBox="0 0 1100 270" role="img" aria-label="Bytes pulled by each update">"#]
    for share in [0.0, 0.5, 1.0] {
      let y = Self.number(10 + height * (1 - share))
      marks.append(
        "<path d=\"M50 \(y)H1090\" stroke=\"#dde3e8\"/><text x=\"0\" y=\"\(y)\">\(Self.bytes(highest * share))</text>")
    }
    let unavoidable = first.updates.map { Double($0.unavoidableBytes) }
    marks.append(
      "<polyline points=\"\(points(unavoidable))\" fill=\"none\" stroke=\"#9aa5b1\" stroke-dasharray=\"3 3\"/>")
    for (index, report) in reports.enumerated().reversed() {
      marks.append(
        "<polyline points=\"\(points(report.updates.map { Double($0.pulledBytes) }))\" fill=\"none\" "
          + "stroke=\"\(colors[index % colors.count])\" stroke-width=\"\(index == 0 ? 2.4 : 1)\"/>")
    }
    let legend = reports.enumerated().map { index, report in
      "<span style=\"color:\(colors[index % colors.count])\">&#9632;</span> \(Self.escaped(report.strategy))"
        + " (\(Self.percent(report.pulledShare.mean)) of the image)"
    }.joined(separator: " &nbsp; ")
    return """
      <h2>Bytes pulled by each update</h2>
      <p class="note">\(first.updates.count) recorded updates, one after the other. Dashed: what changed itself. \(legend)</p>
      \((marks + ["</svg>"]).joined(separator: "\n"))
      """
  }

  // MARK: Text

  /// From blue, never, over pale to red, always; by the root, as most chances are small.
  private static func color(_ chance: Double) -> String {
    let share = min(1, max(0, chance)).squareRoot()
    let (cold, warm, hot) = ((92.0, 140.0, 196.0), (238.0, 226.0, 196.0), (204.0, 74.0, 56.0))
    let (from, to, part) = share < 0.5 ? (cold, warm, share * 2) : (warm, hot, share * 2 - 1)
    func mix(_ a: Double, _ b: Double) -> Int { Int((a + (b - a) * part).rounded()) }
    return "rgb(\(mix(from.0, to.0)),\(mix(from.1, to.1)),\(mix(from.2, to.2)))"
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }

  private static func bytes(_ number: Double) -> String {
    var value = number
    for unit in ["B", "KiB", "MiB", "GiB"] {
      if value < 1024 { return unit == "B" ? "\(Int(value)) B" : "\(Self.number(value)) \(unit)" }
      value /= 1024
    }
    return "\(Self.number(value)) TiB"
  }

  private static func percent(_ share: Double) -> String { "\(number(share * 100))%" }

  /// One digit behind the point, in no locale.
  static func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
  }
}

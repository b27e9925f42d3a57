internal import LayerGraph
internal import OCICore

/// What updates pulled: one after the other with the first strategy, and in total with each.
struct HistoryChart {
  /// The strategies' reports, the page's own first.
  private let reports: [ReplayReport]
  private let first: ReplayReport

  /// - Parameter reports: None, or of one update, makes no chart.
  init?(_ reports: [ReplayReport]) {
    guard let first = reports.first, first.updates.count > 1 else { return nil }
    self.reports = reports
    self.first = first
  }

  // The size of a drawing, and of what is around its area.
  private static let (width, height) = (900.0, 290.0)
  private static let (left, right, top, bottom) = (72.0, 40.0, 14.0, 48.0)
  private static var innerWidth: Double { width - left - right }
  private static var innerHeight: Double { height - top - bottom }
  /// No more bars than can be told apart.
  private static let mostBars = 200
  /// Classes of lines; the last is that of what nobody can avoid.
  private static let lineCount = 5

  var html: String {
    """
    <h3>Each update, with \(PageText.escaped(first.strategy))</h3>
    \(bars)
    <ul class="legend" aria-label="Bars">\(key("area s5", "what changed itself"))\(key("area s0", "pulled beside that"))</ul>
    <h3>All updates together</h3>
    \(lines)
    <ul class="legend" aria-label="Lines">\(lineKeys)</ul>
    \(table)
    """
  }

  // MARK: Drawings

  private var bars: String {
    let updates = first.updates
    let group = (updates.count + Self.mostBars - 1) / Self.mostBars
    let starts = Array(stride(from: 0, to: updates.count, by: group))
    /// Means of neighbours, where there are too many updates for a bar each.
    let values = starts.map { start in
      let some = updates[start..<min(start + group, updates.count)]
      let unavoidable = some.reduce(0.0) { $0 + Double($1.unavoidableBytes) } / Double(some.count)
      let pulled = some.reduce(0.0) { $0 + Double($1.pulledBytes) } / Double(some.count)
      return (unavoidable: min(unavoidable, pulled), pulled: pulled)
    }
    let axis = Axis(highest: values.map(\.pulled).max() ?? 0)
    let slot = Self.innerWidth / Double(values.count)
    let wide = max(slot * 0.75, min(slot, 1))
    var (lower, upper) = ("", "")
    for (index, value) in values.enumerated() {
      let x = PageText.number(Self.left + slot * (Double(index) + 0.5) - wide / 2)
      let (base, middle, end) = (y(0, axis), y(value.unavoidable, axis), y(value.pulled, axis))
      let across = PageText.number(wide)
      lower += "M\(x) \(PageText.number(base))V\(PageText.number(middle))h\(across)V\(PageText.number(base))z"
      upper += "M\(x) \(PageText.number(middle))V\(PageText.number(end))h\(across)V\(PageText.number(middle))z"
    }
    let label =
      "Bytes that each of \(PageText.count(updates.count)) updates pulled"
      + (group > 1 ? "; a bar is the mean of \(group) updates" : "")
    return drawing(label, axis, "<path class=\"area s5\" d=\"\(lower)\"/><path class=\"area s0\" d=\"\(upper)\"/>")
  }

  private var lines: String {
    let series = reports.map { Self.totals($0.updates.map { Double($0.pulledBytes) }) }
    let unavoidable = Self.totals(first.updates.map { Double($0.unavoidableBytes) })
    let axis = Axis(highest: (series + [unavoidable]).compactMap(\.last).max() ?? 0)
    func line(_ values: [Double], _ style: String) -> String {
      let slot = Self.innerWidth / Double(values.count)
      let points = values.enumerated().map { index, value in
        "\(PageText.number(Self.left + slot * (Double(index) + 0.5))),\(PageText.number(y(value, axis)))"
      }
      return "<polyline class=\"line \(style)\" points=\"\(points.joined(separator: " "))\"/>"
    }
    var marks = line(unavoidable, "s5")
    for (index, values) in series.enumerated().reversed() { marks += line(values, Self.style(index)) }
    return drawing("Bytes that all updates so far pulled, with each strategy", axis, marks)
  }

  /// A drawing with its axes.
  private func drawing(_ label: String, _ axis: Axis, _ marks: String) -> String {
    let (left, right, bottom) = (Self.left, Self.width - Self.right, Self.height - Self.bottom)
    var grid = ""
    for tick in axis.ticks {
      let height = PageText.number(y(tick.value, axis))
      grid +=
        "<path class=\"grid\" d=\"M\(PageText.number(left)) \(height)H\(PageText.number(right))\"/>"
        + "<text x=\"\(PageText.number(left - 8))\" y=\"\(PageText.number(y(tick.value, axis) + 4))\" text-anchor=\"end\">\(tick.label)</text>"
    }
    let slot = Self.innerWidth / Double(first.updates.count)
    for number in Axis.numbers(first.updates.count) {
      let x = left + slot * (Double(number) - 0.5)
      let middle = PageText.number(x)
      grid +=
        "<path class=\"axis\" d=\"M\(middle) \(PageText.number(bottom))v5\"/>"
        + "<text x=\"\(middle)\" y=\"\(PageText.number(bottom + 19))\" text-anchor=\"middle\">\(PageText.count(number))</text>"
      if let date = date(number) {
        grid += "<text x=\"\(middle)\" y=\"\(PageText.number(bottom + 36))\" text-anchor=\"middle\">\(date)</text>"
      }
    }
    let base =
      "<path class=\"axis\" d=\"M\(PageText.number(left)) \(PageText.number(bottom))H\(PageText.number(right))\"/>"
    return """
      <p class="note">\(PageText.escaped(label)). Across: the number of the update\(date(1) == nil ? "" : " and its day").</p>
      <div class="scroll" role="region" aria-label="\(PageText.escaped(label))" tabindex="0">
      <svg class="chart" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-label="\(PageText.escaped(label))">
      \(grid)
      \(marks)
      \(base)
      </svg>
      </div>
      """
  }

  private func y(_ value: Double, _ axis: Axis) -> Double { Self.top + Self.innerHeight * (1 - value / axis.top) }

  /// The day of an update, where times are points in time and not mere numbers.
  private func date(_ number: Int) -> String? {
    let aYear: Int64 = 365 * 86_400
    guard let earliest = first.updates.map(\.time).min(), earliest > aYear else { return nil }
    return String(Timestamp.text(first.updates[number - 1].time).prefix(10))
  }

  private static func totals(_ values: [Double]) -> [Double] {
    var sum = 0.0
    return values.map { value in
      sum += value
      return sum
    }
  }

  // MARK: Words

  private static func style(_ index: Int) -> String { "s\(index % lineCount)" }

  private func key(_ style: String, _ text: String) -> String {
    "<li><svg viewBox=\"0 0 36 12\" aria-hidden=\"true\"><rect class=\"\(style)\" width=\"36\" height=\"12\"/></svg>\(PageText.escaped(text))</li>"
  }

  private var lineKeys: String {
    func key(_ style: String, _ text: String) -> String {
      "<li><svg viewBox=\"0 0 36 12\" aria-hidden=\"true\"><path class=\"line \(style)\" d=\"M0 6H36\"/></svg>\(PageText.escaped(text))</li>"
    }
    return reports.enumerated().map { key(Self.style($0), $1.strategy) }.joined() + key("s5", "what changed itself")
  }

  private var table: String {
    let rows = reports.map { report in
      let bytes = report.summary { Double($0.pulledBytes) }
      let most = report.updates.map(\.pulledBytes).max() ?? 0
      return [
        PageText.escaped(report.strategy), PageText.bytes(bytes.mean), PageText.percent(report.pulledShare.mean),
        PageText.bytes(bytes.median), PageText.bytes(bytes.percentile95), PageText.bytes(most),
        PageText.bytes(report.updates.reduce(0.0) { $0 + Double($1.pulledBytes) }),
      ]
    }
    let columns = [
      ("strategy", false), ("mean", true), ("of the image", true), ("median", true), ("95 of 100 at most", true),
      ("most", true),
      ("in total", true),
    ]
    return HTMLPage.table(
      id: "history-table", caption: "What \(PageText.count(first.updates.count)) updates pulled", columns: columns,
      rows: rows)
  }
}

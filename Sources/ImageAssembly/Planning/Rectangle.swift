/// An area of a treemap.
struct Rectangle: Sendable, Hashable {
  var x: Double
  var y: Double
  var width: Double
  var height: Double

  /// The area without a margin.
  func inset(_ margin: Double) -> Rectangle {
    Rectangle(
      x: x + margin, y: y + margin, width: max(0, width - 2 * margin), height: max(0, height - 2 * margin))
  }

  var attributes: String {
    let number = PlanPage.number
    return "x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height))\""
  }

  /// Divides an area in proportion to sizes, which descend, into rectangles that are as square as may be: row by row
  /// along the shorter side, a row ending where one more would make its rectangles less square (Bruls, Huizing and van
  /// Wijk, 2000).
  static func squarified(_ sizes: [Double], in area: Rectangle) -> [Rectangle] {
    let total = sizes.reduce(0, +)
    guard total > 0 else { return sizes.map { _ in Rectangle(x: area.x, y: area.y, width: 0, height: 0) } }
    let scale = area.width * area.height / total
    var left = area
    var result: [Rectangle] = []
    var start = 0
    while start < sizes.count {
      let side = min(left.width, left.height)
      var sum = 0.0
      var end = start
      var worst = Double.infinity
      while end < sizes.count {
        let next = sum + sizes[end] * scale
        let ratio = Self.worst(largest: sizes[start] * scale, smallest: sizes[end] * scale, sum: next, side: side)
        if end > start, ratio > worst { break }
        (sum, worst) = (next, ratio)
        end += 1
      }
      let depth = side > 0 ? sum / side : 0
      let isColumn = left.width >= left.height
      var offset = 0.0
      for size in sizes[start..<end] {
        let length = depth > 0 ? size * scale / depth : 0
        result.append(
          isColumn
            ? Rectangle(x: left.x, y: left.y + offset, width: depth, height: length)
            : Rectangle(x: left.x + offset, y: left.y, width: length, height: depth))
        offset += length
      }
      if isColumn {
        left = Rectangle(x: left.x + depth, y: left.y, width: max(0, left.width - depth), height: left.height)
      } else {
        left = Rectangle(x: left.x, y: left.y + depth, width: left.width, height: max(0, left.height - depth))
      }
      start = end
    }
    return result
  }

  private static func worst(largest: Double, smallest: Double, sum: Double, side: Double) -> Double {
    guard sum > 0, side > 0, smallest > 0 else { return .infinity }
    return max(side * side * largest / (sum * sum), sum * sum / (side * side * smallest))
  }
}

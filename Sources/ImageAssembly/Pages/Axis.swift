/// An axis of bytes, from 0, divided at round numbers.
struct Axis {
  /// Where the axis ends; more than 0.
  let top: Double
  /// Where it is marked, with what stands there.
  let ticks: [(value: Double, label: String)]

  /// - Parameter highest: What must have room.
  init(highest: Double) {
    var unit = 1.0
    var name = "B"
    for next in ["KiB", "MiB", "GiB", "TiB"] where highest >= unit * 1024 {
      unit *= 1024
      name = next
    }
    // There is no half of a byte.
    let step = max(Self.step(max(highest, 1) / unit, parts: 5), unit == 1 ? 1 : 0)
    let count = max(1, Int((highest / unit / step).rounded(.up)))
    top = Double(count) * step * unit
    ticks = (0...count).map { index in
      let value = Double(index) * step
      let number = value == value.rounded() ? String(Int(value)) : PageText.number(value)
      return (value * unit, index == 0 ? "0" : "\(number) \(name)")
    }
  }

  /// Round numbers among 1, 2, … `count`, the first always.
  static func numbers(_ count: Int) -> [Int] {
    let step = max(1, Int(step(Double(count), parts: 7)))
    return [1] + stride(from: step, through: count, by: step).filter { $0 > 1 + step / 2 }
  }

  /// 1, 2 or 5 times a power of ten, so that a length has no more than so many steps.
  private static func step(_ length: Double, parts: Double) -> Double {
    var power = 1.0
    while length / power > parts * 10 { power *= 10 }
    while length / power <= parts, power > 0.1 { power /= 10 }
    return [1, 2, 5, 10].map { $0 * power }.first { length / $0 <= parts } ?? power * 10
  }
}

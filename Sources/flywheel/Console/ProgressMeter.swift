/// How far work is that is counted in bytes, how fast it goes and when it ends. A value: the time is an argument.
struct ProgressMeter<Part: Hashable> {
  private struct State {
    var done: Int64 = 0
    /// The bytes in all, where they are known.
    var size: Int64?

    var isOpen: Bool { size.map { done < $0 } ?? true }
  }

  private var parts: [Part: State] = [:]
  /// What was done at earlier moments, oldest first.
  private var samples: [(time: ContinuousClock.Instant, done: Int64)] = []
  /// The rate is that of the last seconds, so that it follows a network that changes.
  private static var window: Duration { .seconds(5) }

  /// About how many bytes all parts have together, where that is known before those of each are.
  var expected: Int64?

  init() {}

  /// Something that will have to be done, unless it is dropped.
  mutating func expect(_ part: Part, size: Int64? = nil) {
    if parts[part] == nil { parts[part] = State(size: size.map { max(0, $0) }) }
  }

  /// Something that need not be done.
  mutating func drop(_ part: Part, size: Int64? = nil) {
    let known = size ?? parts[part]?.size ?? 0
    if let expected { self.expected = max(0, expected - known) }
    parts[part] = nil
  }

  /// Something of which so much is done; less than before where it was begun anew.
  mutating func advance(_ part: Part, to done: Int64, of size: Int64? = nil) {
    parts[part] = State(done: done, size: size.map { max($0, done) })
  }

  mutating func finish(_ part: Part, size: Int64? = nil) {
    guard let state = parts[part] else { return }
    let all = size ?? state.size ?? state.done
    parts[part] = State(done: all, size: all)
  }

  /// Bytes that are done.
  var done: Int64 { parts.values.reduce(0) { $0.addingClamped($1.done) } }

  /// Bytes in all, as far as is known; `nil` where it is not.
  var total: Int64? {
    let known = parts.values.reduce(Int64(0)) { $0.addingClamped($1.size ?? $1.done) }
    if let expected { return max(known, expected) }
    return parts.values.allSatisfy { $0.size != nil } ? known : nil
  }

  /// How many parts are not done.
  var open: Int { parts.values.count(where: \.isOpen) }

  // MARK: Time

  /// Notes how far the work is now.
  mutating func sample(at now: ContinuousClock.Instant) {
    // What was begun anew would give a rate below zero.
    if let last = samples.last, last.done > done { samples = [] }
    samples.append((now, done))
    while samples.count > 2, samples[1].time <= now - Self.window { samples.removeFirst() }
  }

  /// Bytes a second; `nil` until there is something to tell it by.
  var rate: Double? {
    guard let first = samples.first, let last = samples.last else { return nil }
    let seconds = (last.time - first.time) / .seconds(1)
    return seconds >= 0.5 && last.done > first.done ? Double(last.done - first.done) / seconds : nil
  }

  /// Seconds until the end, if it goes on like this.
  var secondsLeft: Int? {
    guard let rate, let total, total > done else { return nil }
    let seconds = (Double(total - done) / rate).rounded(.up)
    return seconds < 360_000 ? Int(seconds) : nil
  }

  // MARK: Text

  /// The line that a terminal shows: a bar, bytes, rate and time left, as far as they are known.
  /// - Parameter width: The most letters; what matters least is left out to keep to it.
  mutating func line(at now: ContinuousClock.Instant, parts noun: String? = nil, width: Int = 100) -> String {
    sample(at: now)
    let done = done
    var words = [Output.bytes(done)]
    var bar = ""
    if let total, total > 0 {
      let share = min(20, Int(Double(done) / Double(total) * 20))
      bar = "[" + String(repeating: "#", count: share) + String(repeating: ".", count: 20 - share) + "] "
      words[0] += " of \(Output.bytes(total))"
    }
    if let rate { words.append("\(Output.bytes(rate))/s") }
    if let secondsLeft { words.append("\(Self.time(secondsLeft)) left") }
    if let noun, open > 0 { words.append("\(Output.count(open, noun)) to go") }
    while words.count > 1, (bar + words.joined(separator: ", ")).count > width { words.removeLast() }
    let text = words.joined(separator: ", ")
    return bar.count + text.count <= width ? bar + text : text
  }

  private static func time(_ seconds: Int) -> String {
    if seconds < 60 { return "\(seconds) s" }
    let (minutes, rest) = (seconds / 60, seconds % 60)
    return minutes < 60 ? "\(minutes) min \(rest) s" : "\(minutes / 60) h \(minutes % 60) min"
  }
}

extension Int64 {
  /// What documents of others say may be more than there is.
  fileprivate func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflows) = addingReportingOverflow(other)
    return overflows ? .max : sum
  }
}

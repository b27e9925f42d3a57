import OCICore
import Synchronization
import SystemPackage

/// How the program talks to people, on the error stream, so that standard output holds only the result: how much, in which
/// colours and in which form. It is set once, when the command line has been read; everything that is printed goes through it,
/// so that no text lands in the line that shows progress.
enum Console {
  /// How much is said.
  enum Amount: Int {
    /// Errors and warnings.
    case quiet
    /// What is done.
    case normal
    /// Each request and each decision too.
    case verbose
  }

  struct Settings: Sendable {
    var amount = Amount.normal
    var color = ColorChoice.auto
    /// Whether each line is a JSON object, for programs.
    var isJSON = false
    /// Whether progress is not wanted, though requests may be.
    var hidesProgress = false
  }

  private struct State {
    var settings = Settings()
    /// Whether a line that will be rewritten is on the screen.
    var hasStatus = false
  }

  private static let state = Mutex(State())
  private static let start = ContinuousClock.now

  static var settings: Settings { state.withLock(\.settings) }

  static func configure(_ change: (inout Settings) -> Void) {
    _ = start
    state.withLock { change(&$0.settings) }
  }

  // MARK: Lines

  /// A line that stays, whatever was asked for.
  static func say(_ line: String) { write(line + "\n") }

  /// What has been done; not for those who asked for quiet, or for JSON.
  static func note(_ line: String) {
    let settings = settings
    if settings.amount != .quiet, !settings.isJSON, !settings.hidesProgress { say(line) }
  }

  /// What only those want to know who asked for more: with the time since the start.
  static func detail(_ line: String) {
    let settings = settings
    guard settings.amount == .verbose, !settings.isJSON else { return }
    say(painted("[\(seconds(.now - start))] \(line)", .dim, on: .standardError))
  }

  /// Something that people should know even when they asked for quiet.
  static func warn(_ text: String) {
    guard !settings.isJSON else { return event(["event": "warning", "text": .string(text)]) }
    say("\(painted("warning:", .yellow, on: .standardError)) \(text)")
  }

  /// One line for programs.
  static func event(_ object: JSON.Object) { say(String(decoding: JSON.object(object).canonicalBytes, as: UTF8.self)) }

  // MARK: The line that is rewritten

  /// Shows what goes on now, in a line that the next one replaces; on a terminal only.
  static func status(_ line: String) {
    let text = line.prefix(max(20, Terminal.width - 1))
    state.withLock { state in
      printPartialError("\r\u{1B}[K" + text)
      state.hasStatus = true
    }
  }

  /// Takes that line away.
  static func clearStatus() {
    state.withLock { state in
      if state.hasStatus { printPartialError("\r\u{1B}[K") }
      state.hasStatus = false
    }
  }

  private static func write(_ text: String) {
    state.withLock { state in
      printPartialError(state.hasStatus ? "\r\u{1B}[K" + text : text)
      state.hasStatus = false
    }
  }

  private static func printPartialError(_ text: String) {
    // Nobody can be told that the error stream is closed.
    _ = try? FileDescriptor.standardError.writeAll(text.utf8)
  }

  // MARK: Colours

  static func painted(_ text: String, _ paint: Paint, on stream: FileDescriptor) -> String {
    isColored(stream) ? "\u{1B}[\(paint.rawValue)m\(text)\u{1B}[0m" : text
  }

  private static func isColored(_ stream: FileDescriptor) -> Bool {
    switch settings.color {
    case .always: true
    case .never: false
    case .auto:
      Terminal.is(stream) && Environment.variable("NO_COLOR") == nil && Environment.variable("TERM") != "dumb"
    }
  }

  /// Seconds with three digits, in no locale.
  private static func seconds(_ duration: Duration) -> String {
    let (whole, parts) = duration.components
    let thousandths = String(parts / 1_000_000_000_000_000)
    return "\(whole).\(String(repeating: "0", count: 3 - thousandths.count))\(thousandths) s"
  }
}

/// What text looks like on a terminal (ECMA-48, SGR).
enum Paint: String {
  case bold = "1"
  case dim = "2"
  case red = "1;31"
  case green = "32"
  case yellow = "33"
}

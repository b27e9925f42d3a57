import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import Synchronization

/// How progress is shown; shared by the verbs that take their time.
struct ProgressOptions: ParsableArguments {
  @Flag(help: "Print one JSON object as the result.")
  var json = false

  @Option(
    help: ArgumentHelp("How to tell what goes on, on standard error: auto, plain, json (an event a line) or none."))
  var progress = ProgressPrinter.Style.auto

  @Flag(name: .shortAndLong, help: "Print no progress, as --progress none.")
  var quiet = false

  func printer() -> ProgressPrinter { ProgressPrinter(style: quiet ? .none : progress) }
}

/// Tells people on the error stream what goes on: one line that is rewritten on a terminal, a line a blob elsewhere; or
/// programs, an event a line.
final class ProgressPrinter: Sendable {
  enum Style: String, ExpressibleByArgument {
    case auto, plain, json, none
  }

  private let style: Style
  private let isTerminal: Bool
  private let state = Mutex(State())

  private struct State {
    var isLineOpen = false
    /// How far the blobs on their way are.
    var underway: [Digest: (sent: Int64, size: Int64)] = [:]
    var lastDraw: ContinuousClock.Instant?
    var credentialProblems: [String] = []
  }

  init(style: Style) {
    self.style = style
    isTerminal = style == .auto && Environment.isErrorTerminal
  }

  private var isQuiet: Bool { style == .none || style == .json }

  @Sendable func report(_ progress: AssemblyProgress) {
    if style == .json { emit(EventJSON.object(progress)) }
    switch progress {
    case .warning(let text): warn(text)
    case .digesting(let layer, let count, let paths):
      step("layer \(layer) of \(count): \(paths == 0 ? "files" : paths == 1 ? "1 store path" : "\(paths) store paths")")
    case .hashed(let layer, let count, let bytes):
      if bytes >= 16 << 20, bytes % (16 << 20) < 1 << 20 {
        rewrite("layer \(layer) of \(count): \(Output.bytes(bytes)) hashed")
      }
    case .skipped(let descriptor): step("has \(Self.name(descriptor))")
    case .pushing(let descriptor): step("sending \(Self.name(descriptor))")
    case .pushed(let descriptor):
      finish(descriptor)
      step("sent \(Self.name(descriptor))")
    case .tagged(let tag, let isChanged): step(isChanged ? "tagged \(tag)" : "tag \(tag) is up to date")
    }
  }

  /// What happens in a copy.
  func report(_ event: CopyEvent, to place: Location) {
    if style == .json { emit(EventJSON.object(event, "\(place)")) }
    switch event {
    case .started(let content): step("sending \(Self.name(content)) to \(place)")
    case .copied(let content):
      finish(content)
      step("sent \(Self.name(content)) to \(place)")
    case .skipped(let content, .exists): step("\(place) has \(Self.name(content))")
    case .skipped(let content, .mounted(let source)): step("mounted \(Self.name(content)) from \(source)")
    case .skipped(let content, .foreign): step("not distributed: \(Self.name(content))")
    case .progress(let content, let bytes): sent(content, bytes)
    case .tagged(let tag, _, let isChanged):
      step(isChanged ? "\(place): tagged \(tag)" : "\(place): tag \(tag) is up to date")
    }
  }

  /// What happens between us and a registry.
  @Sendable func report(_ event: RegistryEvent) {
    if style == .json { emit(EventJSON.object(event)) }
    switch event.kind {
    case .sent(let descriptor, let bytes): sent(descriptor, bytes)
    case .done(let descriptor): finish(descriptor)
    case .retrying, .throttled, .changedMethod, .resumed: note("  \(event)")
    case .warning: warn(event.description)
    default: break
    }
  }

  func failed(_ job: CopyJob, _ error: any Error) {
    guard !(error is CancellationError) else { return }
    closeLine()
    printError("error: \(job.source) to \(job.destination): \(error)")
    if (error as? RegistryError)?.code == .unauthorized { warnOfCredentials() }
  }

  /// Remembers what is wrong with the files that hold credentials.
  func hold(credentialProblems problems: [String]) { state.withLock { $0.credentialProblems = problems } }

  /// Tells it, once, when a registry refuses us: before that it is nobody's concern.
  func warnOfCredentials() {
    let problems = state.withLock { state in
      defer { state.credentialProblems = [] }
      return state.credentialProblems
    }
    for problem in problems { warn(problem) }
  }

  /// Something that people should know even when they asked for no progress.
  func warn(_ text: String) {
    closeLine()
    printError("warning: \(text)")
  }

  /// A line that stays.
  func note(_ line: String) {
    guard !isQuiet else { return }
    state.withLock { state in
      printError(state.isLineOpen ? "\r\u{1B}[K" + line : line)
      state.isLineOpen = false
    }
  }

  /// What is worked on, where a terminal shows it.
  func working(on line: String) { rewrite(line) }

  /// Leaves the line that is rewritten, so that an error begins on one of its own.
  func closeLine() {
    state.withLock { state in
      if state.isLineOpen { printError("") }
      state.isLineOpen = false
    }
  }

  // MARK: The line on a terminal

  /// How far a blob has been sent: all that are on their way, in one line, a few times a second.
  private func sent(_ descriptor: Descriptor, _ bytes: Int64) {
    guard isTerminal else { return }
    let line: String? = state.withLock { state in
      state.underway[descriptor.digest] = (bytes, descriptor.size)
      if let last = state.lastDraw, .now - last < .milliseconds(100) { return nil }
      state.lastDraw = .now
      let sent = state.underway.values.reduce(0) { $0 + $1.sent }
      let size = state.underway.values.reduce(0) { $0 + max($1.size, $1.sent) }
      let share = size > 0 ? Int(sent * 20 / size) : 0
      let bar = String(repeating: "#", count: share) + String(repeating: ".", count: 20 - share)
      return "[\(bar)] \(Output.bytes(sent)) of \(Output.bytes(size)) in \(Output.count(state.underway.count, "blob"))"
    }
    if let line { rewrite(line) }
  }

  private func finish(_ descriptor: Descriptor) {
    state.withLock { state in
      guard let entry = state.underway[descriptor.digest] else { return }
      state.underway[descriptor.digest] = (entry.size, entry.size)
      if state.underway.values.allSatisfy({ $0.sent >= $0.size }) { state.underway = [:] }
    }
  }

  private func step(_ line: String) {
    if isTerminal { rewrite(line) } else if !isQuiet { printError("  " + line) }
  }

  /// On a terminal only: elsewhere each step is a line of its own, and this would be too many.
  private func rewrite(_ line: String) {
    guard isTerminal else { return }
    state.withLock { state in
      printPartialError("\r\u{1B}[K" + line)
      state.isLineOpen = true
    }
  }

  private func emit(_ object: JSON.Object?) {
    guard let object else { return }
    printError(String(decoding: JSON.object(object).canonicalBytes, as: UTF8.self))
  }

  private static func name(_ descriptor: Descriptor) -> String {
    "\(descriptor.digest.hex.prefix(12)) (\(Output.bytes(descriptor.size)))"
  }
}

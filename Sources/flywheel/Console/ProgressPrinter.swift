import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import Synchronization
import SystemPackage

/// Tells people on the error stream what goes on: a bar on a terminal, a line a step elsewhere; or programs, an event a line.
final class ProgressPrinter: Sendable {
  enum Style: String, ExpressibleByArgument, CaseIterable {
    case auto, plain, json, none
  }

  private let style: Style
  private let isTerminal: Bool
  private let state = Mutex(State())

  private struct Transfer: Hashable {
    var blob: Digest
    var place: Location
  }

  private struct State {
    /// The blobs that are sent, or may have to be, each to its place.
    var transfers = ProgressMeter<Transfer>()
    /// The layers whose digests are computed, by their number.
    var layers = ProgressMeter<Int>()
    /// A file that is written from front to back.
    var file = ProgressMeter<Int>()
    var lastDraw: ContinuousClock.Instant?
    var credentialProblems: [String] = []

    var isUnderWay: Bool { file.open + transfers.open + layers.open > 0 }

    mutating func line(at now: ContinuousClock.Instant) -> String? {
      if file.open > 0 { return "writing \(file.line(at: now, width: Terminal.width - 9))" }
      if transfers.open > 0 { return "sending \(transfers.line(at: now, parts: "blob", width: Terminal.width - 9))" }
      return layers.open > 0 ? "hashing \(layers.line(at: now, parts: "layer", width: Terminal.width - 9))" : nil
    }
  }

  init(style: Style) {
    self.style = style
    isTerminal = style == .auto && Terminal.is(.standardError)
  }

  /// Says how many bytes the layers have together whose digests will be computed.
  func expect(layerBytes: Int64) { state.withLock { $0.layers.expected = layerBytes } }

  @Sendable func report(_ progress: AssemblyProgress) {
    if style == .json { EventJSON.object(progress).map(Console.event) }
    switch progress {
    case .warning(let text): Console.warn(text)
    case .digesting(let layer, let count, let paths):
      let content = paths == 0 ? "files" : Output.count(paths, "store path")
      step("layer \(layer) of \(count): \(content)", isBar: draw { $0.layers.expect(layer) })
    case .hashed(let layer, _, let bytes): draw { $0.layers.advance(layer, to: bytes) }
    case .digested(let layer, let count, let bytes, let wasKnown):
      if wasKnown { Console.detail("layer \(layer) of \(count): the digest of its \(Output.bytes(bytes)) is known") }
      draw { wasKnown ? $0.layers.drop(layer, size: bytes) : $0.layers.finish(layer, size: bytes) }
    // Here images are sent as copies, which tell of it with the place.
    case .queued, .skipped, .pushing, .sending, .pushed, .tagged: break
    }
  }

  /// What happens in a copy.
  func report(_ event: CopyEvent, to place: Location) {
    if style == .json { EventJSON.object(event, "\(place)").map(Console.event) }
    switch event {
    case .queued(let content):
      draw { $0.transfers.expect(Transfer(blob: content.digest, place: place), size: content.size) }
    case .started(let content): step("sending \(Self.name(content)) to \(place)", isBar: sent(content, 0, to: place))
    case .copied(let content):
      step(
        "sent \(Self.name(content)) to \(place)",
        isBar: draw { $0.transfers.finish(Transfer(blob: content.digest, place: place)) })
    case .skipped(let content, let reason):
      let isBar = draw { $0.transfers.drop(Transfer(blob: content.digest, place: place)) }
      switch reason {
      case .exists: step("\(place) has \(Self.name(content))", isBar: isBar)
      case .mounted(let source): step("mounted \(Self.name(content)) from \(source)", isBar: isBar)
      case .foreign: step("not distributed: \(Self.name(content))", isBar: isBar)
      }
    case .progress(let content, let bytes): sent(content, bytes, to: place)
    case .tagged(let tag, _, let isChanged):
      step(isChanged ? "\(place): tagged \(tag)" : "\(place): tag \(tag) is up to date")
    }
  }

  /// What happens between us and a registry.
  @Sendable func report(_ event: RegistryEvent) {
    if style == .json { EventJSON.object(event).map(Console.event) }
    switch event.kind {
    case .retrying, .throttled, .changedMethod, .resumed:
      if Console.settings.amount == .verbose { Console.detail(event.description) } else { Console.note("  \(event)") }
    case .warning: Console.warn(event.description)
    case .request, .credentials, .exists, .mounted, .published: Console.detail(event.description)
    // How far a copy is, it tells itself.
    case .queued, .sent, .done: break
    }
  }

  /// How much of a file of that size is written.
  func wrote(_ bytes: Int64, of size: Int64) { draw { $0.file.advance(0, to: bytes, of: size) } }

  func failed(_ job: CopyJob, _ error: any Error) {
    guard !(error is CancellationError) else { return }
    ErrorReport(error, of: "\(job.source) to \(job.destination)").show()
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
    for problem in problems { Console.warn(problem) }
  }

  /// What is worked on, where a terminal shows it.
  func working(on line: String) { if isTerminal { Console.status(line) } }

  private func step(_ line: String, isBar: Bool = false) {
    let settings = Console.settings
    guard !settings.hidesProgress else { return }
    if settings.amount == .verbose { return Console.detail(line) }
    if isTerminal {
      if !isBar { Console.status(line) }
    } else if style == .auto || style == .plain {
      Console.note("  " + line)
    }
  }

  // MARK: The bar

  @discardableResult
  private func sent(_ blob: Descriptor, _ bytes: Int64, to place: Location) -> Bool {
    draw { $0.transfers.advance(Transfer(blob: blob.digest, place: place), to: bytes, of: blob.size) }
  }

  /// Notes what has happened, and shows how far everything is, a few times a second.
  /// - Returns: Whether there is a bar, which says more than the step itself.
  @discardableResult
  private func draw(_ change: (inout State) -> Void) -> Bool {
    guard isTerminal else { return false }
    let (line, isBar): (String?, Bool) = state.withLock { state in
      change(&state)
      let (now, isBar) = (ContinuousClock.now, state.isUnderWay)
      if let last = state.lastDraw, now - last < .milliseconds(100) { return (nil, isBar) }
      state.lastDraw = now
      return (state.line(at: now), isBar)
    }
    if let line { Console.status(line) }
    return isBar
  }

  private static func name(_ descriptor: Descriptor) -> String {
    "\(descriptor.digest.hex.prefix(12)) (\(Output.bytes(descriptor.size)))"
  }
}

import ImageAssembly
import OCICore
import Synchronization

/// Tells people on the error stream what goes on: one line that is rewritten on a terminal, a line a blob elsewhere.
final class ProgressPrinter: Sendable {
  private let isQuiet: Bool
  private let isTerminal = Environment.isErrorTerminal
  private let isLineOpen = Mutex(false)

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  @Sendable func report(_ progress: AssemblyProgress) {
    switch progress {
    case .warning(let text): warn(text)
    case .digesting(let layer, let count, let paths):
      step("layer \(layer) of \(count): \(paths == 0 ? "root" : paths == 1 ? "1 store path" : "\(paths) store paths")")
    case .hashed(let layer, let count, let bytes):
      if Self.isDue(bytes, stride: 1 << 20) { rewrite("layer \(layer) of \(count): \(Output.bytes(bytes)) hashed") }
    case .skipped(let descriptor): step("has \(Self.name(descriptor))")
    case .pushing(let descriptor): step("sending \(Self.name(descriptor))")
    case .pushed(let descriptor): step("sent \(Self.name(descriptor))")
    case .tagged(let tag, let isChanged): step(isChanged ? "tagged \(tag)" : "tag \(tag) is up to date")
    }
  }

  /// Something that people should know even when they asked for no progress.
  func warn(_ text: String) {
    closeLine()
    printError("warning: \(text)")
  }

  /// A line that stays.
  func note(_ line: String) {
    guard !isQuiet else { return }
    isLineOpen.withLock { isOpen in
      if isOpen { printError("\r\u{1B}[K" + line) } else { printError(line) }
      isOpen = false
    }
  }

  /// What is worked on, where a terminal shows it.
  func working(on line: String) { rewrite(line) }

  /// Leaves the line that is rewritten, so that an error begins on one of its own.
  func closeLine() {
    isLineOpen.withLock { isOpen in
      if isOpen { printError("") }
      isOpen = false
    }
  }

  /// How far a blob has been sent.
  @Sendable func sent(_ descriptor: Descriptor, _ bytes: Int64) {
    guard Self.isDue(bytes, stride: 256 << 10) else { return }
    rewrite("sending \(Self.name(descriptor)): \(Output.bytes(bytes))")
  }

  /// Whether counting on by `stride` has passed another 16 MiB: often enough for the eye.
  private static func isDue(_ bytes: Int64, stride: Int64) -> Bool {
    bytes >= 16 << 20 && bytes % (16 << 20) < stride
  }

  private func step(_ line: String) {
    if isTerminal { rewrite(line) } else if !isQuiet { printError("  " + line) }
  }

  /// On a terminal only: elsewhere each step is a line of its own, and this would be too many.
  private func rewrite(_ line: String) {
    guard !isQuiet, isTerminal else { return }
    isLineOpen.withLock { isOpen in
      printPartialError("\r\u{1B}[K" + line)
      isOpen = true
    }
  }

  private static func name(_ descriptor: Descriptor) -> String {
    "\(descriptor.digest.hex.prefix(12)) (\(Output.bytes(descriptor.size)))"
  }
}

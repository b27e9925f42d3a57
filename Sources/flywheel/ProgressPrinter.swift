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

  /// Leaves the line that is rewritten, so that an error begins on one of its own.
  func closeLine() {
    isLineOpen.withLock { isOpen in
      if isOpen { printError("") }
      isOpen = false
    }
  }

  private func step(_ line: String) {
    guard !isQuiet else { return }
    guard isTerminal else { return printError("  " + line) }
    isLineOpen.withLock { isOpen in
      printPartialError("\r\u{1B}[K" + line)
      isOpen = true
    }
  }

  private static func name(_ descriptor: Descriptor) -> String {
    "\(descriptor.digest.hex.prefix(12)) (\(Output.bytes(descriptor.size)))"
  }
}

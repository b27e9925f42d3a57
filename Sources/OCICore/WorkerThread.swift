internal import HostSystem

/// Threads of our own for work that blocks, which must never run on Swift's cooperative pool.
package enum WorkerThread {
  /// Enough for walking trees of thousands of levels and reading nested documents, on every platform.
  private static let stackSize = 4 << 20

  /// Runs `body` on a new thread that nobody joins.
  /// - Throws: `OCIError.Code.ioFailure` when the system allows no further thread.
  package static func start(_ body: @escaping @Sendable () -> Void) throws(OCIError) {
    let result = Host.startThread(stackSize: stackSize, body)
    guard result == 0 else {
      throw OCIError(.ioFailure, "the system allows no further thread (\(result)); raise the limit of processes")
    }
  }

  /// Runs `body` on a new thread and gives what comes of it, holding no thread of the cooperative pool meanwhile.
  /// - Parameter onCancel: Called when the task is cancelled; has to make `body` end.
  /// - Throws: What `body` throws; `OCIError.Code.ioFailure` when the system allows no further thread.
  package static func run<Result: Sendable>(
    onCancel: @escaping @Sendable () -> Void, _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        do {
          try start { continuation.resume(with: Swift.Result { try body() }) }
        } catch {
          continuation.resume(throwing: error)
        }
      }
    } onCancel: {
      onCancel()
    }
  }

  /// Lets another thread have the core, where one waits for it.
  package static func yield() { sched_yield() }

  /// The number of the processor that the caller is on, perhaps not for long; always the same where the system does not say.
  package static var processor: Int { Host.processor }

  /// How many processors the machine has; asked once, because the answer is read from a file.
  package static let processorCount = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
}

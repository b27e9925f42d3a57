internal import Dispatch
internal import Synchronization

/// Runs async code whose calls block on a few threads of its own, so that file I/O never holds a thread of Swift's
/// cooperative pool.
package final class IOExecutor: TaskExecutor {
  /// The executor of this process.
  package static let shared = IOExecutor(threadCount: 8)

  private let jobs = Mutex<[UnownedJob]>([])
  private let available = DispatchSemaphore(value: 0)

  private init(threadCount: Int) {
    let started = (0..<threadCount).count { _ in (try? WorkerThread.start { self.work() }) != nil }
    // Fewer threads are slower; with none no file could ever be read, and nobody could be told later.
    precondition(started > 0, "the system allows no further thread; raise the limit of processes")
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    jobs.withLock { $0.append(job) }
    available.signal()
  }

  private func work() {
    while true {
      available.wait()
      guard let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { continue }
      unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }

  /// Runs `body`, its blocking calls included, on these threads.
  package static func run<Result: Sendable>(
    _ body: @escaping @Sendable @concurrent () async throws -> Result
  ) async throws -> Result {
    try await withTaskExecutorPreference(shared) { try await body() }
  }
}

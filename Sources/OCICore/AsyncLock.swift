/// Lets one task at a time pass, in the order they came.
package actor AsyncLock {
  private var isTaken = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  package init() {}

  /// Runs an operation while no other does.
  package nonisolated func run<Result: Sendable>(_ operation: () async throws -> Result) async throws -> Result {
    await take()
    do {
      let result = try await operation()
      await give()
      return result
    } catch {
      await give()
      throw error
    }
  }

  private func take() async {
    guard isTaken else {
      isTaken = true
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  private func give() {
    if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
  }
}

internal import Synchronization

/// Brings values that become ready in any order to one taker, in the order of their numbers and one at a time: on the thread
/// that has the next one, so that no thread has to be woken for it, and what was just made is taken while it is near.
final class OrderedDelivery<Value: Sendable>: Sendable {
  private struct State {
    var ready: [Int: Value] = [:]
    var next = 0
    var isDelivering = false
  }
  private let state = Mutex(State())

  /// Adds a value.
  /// - Parameter number: Its place, from 0 on; each occurs once.
  func add(_ value: Value, number: Int) { state.withLock { $0.ready[number] = value } }

  /// Gives to `take` all values whose turn has come, unless another thread does that already.
  func deliver(to take: (Value) -> Void) {
    while let value = beginNext() {
      take(value)
      state.withLock { $0.isDelivering = false }
    }
  }

  private func beginNext() -> Value? {
    state.withLock { state in
      guard !state.isDelivering, let value = state.ready.removeValue(forKey: state.next) else { return nil }
      state.next += 1
      state.isDelivering = true
      return value
    }
  }
}

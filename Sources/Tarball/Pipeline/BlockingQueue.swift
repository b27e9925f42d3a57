internal import Dispatch
internal import Synchronization

/// A bounded queue between threads of our own. Once closed, putting fails and taking ends.
final class BlockingQueue<Element: Sendable>: Sendable {
  private struct State {
    var elements: [Element] = []
    var isClosed = false
  }
  private let state = Mutex(State())
  private let filled = DispatchSemaphore(value: 0)
  private let free: DispatchSemaphore

  init(capacity: Int) {
    // Begun at zero and raised, because a semaphore may not be freed below its first value.
    free = DispatchSemaphore(value: 0)
    for _ in 0..<capacity { free.signal() }
  }

  /// Creates a full queue.
  convenience init(capacity: Int, filledWith element: Element) {
    self.init(capacity: capacity)
    for _ in 0..<capacity { try? put(element) }
  }

  /// Adds an element, waiting for room.
  /// - Throws: `CancellationError` when the queue is closed.
  func put(_ element: Element) throws(CancellationError) {
    free.wait()
    let isClosed = state.withLock { state in
      if !state.isClosed { state.elements.append(element) }
      return state.isClosed
    }
    if isClosed {
      free.signal()
      throw CancellationError()
    }
    filled.signal()
  }

  /// Takes the oldest element, waiting for one; `nil` when the queue is closed and empty.
  func take() -> Element? {
    filled.wait()
    let element = state.withLock { $0.elements.isEmpty ? nil : $0.elements.removeFirst() }
    // At the end the next taker must wake up too.
    if element == nil { filled.signal() } else { free.signal() }
    return element
  }

  /// Lets takers finish what is there; with `discarding`, drops it.
  func close(discarding: Bool = false) {
    state.withLock { state in
      state.isClosed = true
      if discarding { state.elements = [] }
    }
    filled.signal()
    free.signal()
  }
}

/// A value that one thread makes and another waits for.
final class Promise<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let ready = DispatchSemaphore(value: 0)

  func fulfil(_ value: Value) {
    self.value.withLock { $0 = value }
    ready.signal()
  }

  /// Waits for the value and takes it; to be called once.
  func take() -> Value? {
    ready.wait()
    return value.withLock { value in
      defer { value = nil }
      return value
    }
  }
}

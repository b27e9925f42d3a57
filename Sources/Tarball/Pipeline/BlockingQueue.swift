internal import Dispatch
internal import Synchronization

/// A bounded queue between threads of our own. Once closed, putting fails and taking ends.
///
/// One of things that are used again and again gives the newest first: that is the one most likely in the processor's cache.
final class BlockingQueue<Element: Sendable>: Sendable {
  private struct State {
    var elements: [Element] = []
    var isClosed = false
  }
  private let state = Mutex(State())
  private let filled = DispatchSemaphore(value: 0)
  private let free: DispatchSemaphore

  private let givesNewest: Bool

  init(capacity: Int, givesNewest: Bool = false) {
    self.givesNewest = givesNewest
    // Begun at zero and raised, because a semaphore may not be freed below its first value.
    free = DispatchSemaphore(value: 0)
    for _ in 0..<capacity { free.signal() }
  }

  /// Creates a full queue, that gives the newest first.
  convenience init(capacity: Int, filledWith element: Element) {
    self.init(capacity: capacity, givesNewest: true)
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

  /// Takes an element, the oldest unless the newest are wanted, waiting for one; `nil` when the queue is closed and empty.
  func take() -> Element? {
    filled.wait()
    return takeNow()
  }

  private func takeNow() -> Element? {
    let element = state.withLock { state in
      if givesNewest { return state.elements.popLast() }
      return state.elements.isEmpty ? nil : state.elements.removeFirst()
    }
    // At the end the next taker must wake up too.
    if element == nil { filled.signal() } else { free.signal() }
    return element
  }

  /// Takes an element without waiting; `nil` where there is none that no waiting thread was woken for.
  func takeIfReady() -> Element? {
    // The time zero is "now" to the semaphore, which then only looks. At any other time, past ones too, it goes to sleep, and
    // the system lets sleepers lie for some 50 microseconds more.
    filled.wait(timeout: DispatchTime(uptimeNanoseconds: 0)) == .success ? takeNow() : nil
  }

  /// Takes an element, waiting for it so long; `nil` where none came.
  func take(withinMicroseconds time: Int) -> Element? {
    filled.wait(timeout: .now() + .microseconds(time)) == .success ? takeNow() : nil
  }

  /// How many elements wait.
  var count: Int { state.withLock { $0.elements.count } }

  var isClosed: Bool { state.withLock { $0.isClosed } }

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

internal import CSHA256
internal import Synchronization

/// Where the streams of all layers that are made at once meet, to be hashed two at a time on one core.
///
/// One SHA-256 stream leaves most of a core's SHA unit idle, because each round waits for the one before. So a thread that
/// brings bytes hashes them beside those of another stream, where some wait here. Where none do, but are expected, it leaves
/// its own for whoever comes next, and goes on with its work. There is no thread that only hashes, so none has to be woken.
///
/// Bytes lie in the cache of the core that has made them, and any other core takes longer to hash them. So what was brought on a
/// core is hashed there where that can be: where the threads of two clients take turns on it, these are hashed side by side.
package final class HashLanes: Sendable {
  /// The meeting place of this process.
  package static let shared = HashLanes()

  /// So much of a lone stream is hashed before another one is looked for.
  private static let slice = 128 << 10

  /// A layer, or something else, that has streams hashed here.
  package final class Client: Sendable {
    fileprivate let lanes: HashLanes
    /// How many streams it has whose bytes come at the same time.
    fileprivate let streams: Int

    fileprivate init(_ lanes: HashLanes, _ streams: Int) {
      self.lanes = lanes
      self.streams = streams
    }

    /// Adds bytes to a stream, after those that were submitted for it before. Only notes them: somebody has to `help`.
    /// - Parameter whenDone: Called when they are hashed, on any client's thread, so that it must not wait for a client; keeps
    ///   what owns the memory.
    package func submit(_ stream: SHA256Stream, _ bytes: Span<UInt8>, whenDone: @escaping @Sendable () -> Void) {
      let request = unsafe bytes.withUnsafeBufferPointer {
        unsafe Request(self, stream, $0, lanes.processor(), whenDone)
      }
      lanes.state.withLock { $0.add(request) }
    }

    /// Hashes what waits: its own first, beside another's. Leaves a lone stream for which another is to be expected: on any core,
    /// or on this one, if clients take turns on it.
    /// - Parameter goesOn: Whether it goes on with what comes after that of its own.
    /// - Returns: Whether one was left.
    @discardableResult
    package func help(goesOn: Bool = true) -> Bool { lanes.help(self, goesOn) }

    /// Hashes what waits of its own and is in nobody's hands, alone if need be; to be called while waiting for that, now and
    /// then.
    /// - Parameter goesOn: Whether it hashes all of it, or one piece.
    /// - Returns: Whether there was something.
    @discardableResult
    package func hurry(goesOn: Bool = true) -> Bool { lanes.hurry(self, goesOn) }

    /// Says that nothing more comes; all that was submitted has to be hashed.
    package func leave() { lanes.state.withLock { state in state.members.removeAll { $0.client === self } } }
  }

  /// Bytes to hash. Sendable: the memory stays where it is until `whenDone` has been called, which keeps its owner alive.
  @safe private struct Request: @unchecked Sendable {
    let client: Client
    let stream: SHA256Stream
    /// On which it was brought.
    let processor: Int
    /// Its place in the order of all.
    var number = 0
    private var bytes: UnsafeBufferPointer<UInt8>
    let whenDone: @Sendable () -> Void

    init(
      _ client: Client, _ stream: SHA256Stream, _ bytes: UnsafeBufferPointer<UInt8>, _ processor: Int,
      _ whenDone: @escaping @Sendable () -> Void
    ) {
      self.client = client
      self.stream = stream
      self.processor = processor
      unsafe self.bytes = bytes
      self.whenDone = whenDone
    }

    var isDone: Bool { unsafe bytes.isEmpty }

    /// Hashes the first bytes.
    mutating func advance(upTo limit: Int) {
      let count = unsafe min(bytes.count, limit)
      unsafe flywheel_sha256_update(stream.state, bytes.baseAddress, count)
      drop(count)
    }

    /// Hashes as many bytes of both as the shorter has.
    static func advance(_ first: inout Request, _ second: inout Request) {
      let count = unsafe min(first.bytes.count, second.bytes.count)
      unsafe flywheel_sha256_update_both(
        first.stream.state, first.bytes.baseAddress, count, second.stream.state, second.bytes.baseAddress, count)
      first.drop(count)
      second.drop(count)
    }

    private mutating func drop(_ count: Int) { unsafe bytes = UnsafeBufferPointer(rebasing: bytes[count...]) }
  }

  private struct State {
    /// The oldest first. A stream's own stay in order, because a stream that is being hashed, or of which an older one waits, is
    /// passed over.
    var waiting: [Request] = []
    /// The streams that are being hashed.
    var busy: [SHA256Stream] = []
    /// Clients that have begun to submit, and where each has brought its last bytes.
    var members: [(client: Client, processor: Int)] = []
    /// How many requests came so far.
    var count = 0
    /// How many threads hash one stream alone, and look for another after each slice.
    var lonely = 0

    mutating func add(_ request: Request) {
      if let index = members.firstIndex(where: { $0.client === request.client }) {
        members[index].processor = request.processor
      } else {
        members.append((request.client, request.processor))
      }
      waiting.append(request)
      waiting[waiting.count - 1].number = count
      count += 1
    }

    /// Takes the oldest request that can be hashed now, one that was brought on this processor rather than any other.
    mutating func take(near processor: Int) -> Request? {
      take { $0.processor == processor } ?? take { _ in true }
    }

    /// Takes the oldest request of those that are wanted and can be hashed now: a stream's first, while none of it is in work.
    mutating func take(where isWanted: (Request) -> Bool) -> Request? {
      let index = waiting.indices.first { index in
        let request = waiting[index]
        return isWanted(request) && !isBusy(request.stream)
          && !waiting[..<index].contains { $0.stream === request.stream }
      }
      guard let index else { return nil }
      busy.append(waiting[index].stream)
      return waiting.remove(at: index)
    }

    mutating func take(of client: Client) -> Request? { take { $0.client === client } }

    func isBusy(_ stream: SHA256Stream) -> Bool { busy.contains { $0 === stream } }

    /// Whether bytes may soon come beside which a request that was taken can be hashed.
    var expectsCompany: Bool { lonely > 0 || members.reduce(0) { $0 + $1.client.streams } > busy.count }

    /// Leaves a request that was taken for later.
    mutating func putBack(_ request: Request) {
      release(request)
      waiting.insert(request, at: waiting.firstIndex { $0.number > request.number } ?? waiting.endIndex)
    }

    mutating func release(_ request: Request) { busy.removeAll { $0 === request.stream } }
  }
  private let state = Mutex(State())
  /// Whether this processor gains by hashing two streams at once.
  package let pairs = flywheel_sha256_has_lanes() != 0

  private let processor: @Sendable () -> Int

  /// - Parameter processor: Says which processor the caller is on.
  package init(processor: @escaping @Sendable () -> Int = { WorkerThread.processor }) { self.processor = processor }

  /// Somebody who will submit bytes of so many streams at the same time.
  package func client(streams: Int) -> Client { Client(self, streams) }

  private func help(_ client: Client, _ goesOn: Bool) -> Bool {
    // Without lanes there is nothing to wait for.
    guard pairs else {
      _ = hurry(client, goesOn)
      return false
    }
    let processor = processor()
    let (first, second, isLeft): (Request?, Request?, Bool) = state.withLock { state in
      guard let first = state.take(of: client) ?? state.take(near: processor) else { return (nil, nil, false) }
      let second = takeSecond(beside: first, near: processor, of: &state)
      if second == nil, state.expectsCompany {
        state.putBack(first)
        return (nil, nil, true)
      }
      return (first, second, false)
    }
    if let first { hash(first, second, client, goesOn) }
    return isLeft
  }

  /// Takes what is to be hashed beside a request that was taken.
  private func takeSecond(beside first: Request, near processor: Int, of state: inout State) -> Request? {
    if let near = state.take(where: { $0.processor == processor }) { return near }
    // Another client's thread may have its turn on this core next. When that was waited for once, anything will do.
    let takesTurns = state.members.contains { $0.processor == processor && $0.client !== first.client }
    let hasWaited = state.waiting.contains { $0.client === first.client }
    return takesTurns && !hasWaited ? nil : state.take { _ in true }
  }

  private func hurry(_ client: Client, _ goesOn: Bool) -> Bool {
    var found = false
    while goesOn || !found, let first = state.withLock({ $0.take(of: client) }) {
      found = true
      hash(first, nil, client, goesOn)
    }
    return found
  }

  /// Hashes requests, what else waits beside its own, and, where it goes on, what comes after them of its own streams.
  ///
  /// The rest of another's is hashed alone, without taking more of others: a client's thread must come back to its own work.
  private func hash(_ one: Request, _ other: Request?, _ client: Client, _ goesOn: Bool) {
    var first: Request? = one
    var second = other
    var isLonely = false
    while var current = first {
      if second == nil, pairs { second = company(for: current, client, &isLonely) }
      if var other = second {
        Request.advance(&current, &other)
        second = other
      } else {
        current.advance(upTo: pairs ? Self.slice : .max)
      }
      first = current
      finish(&first, client, goesOn)
      finish(&second, client, goesOn)
      if first == nil || first?.client !== client { swap(&first, &second) }
      if first == nil { swap(&first, &second) }
    }
    if isLonely { state.withLock { $0.lonely -= 1 } }
  }

  /// Takes something to be hashed beside a lone stream of the client's own.
  /// - Parameter isLonely: Whether the thread is counted among those that found nothing.
  private func company(for request: Request, _ client: Client, _ isLonely: inout Bool) -> Request? {
    let isOwn = request.client === client
    guard isOwn || isLonely else { return nil }
    let processor = processor()
    return state.withLock { state in
      let found = isOwn ? state.take(near: processor) : nil
      if (isOwn && found == nil) != isLonely {
        isLonely.toggle()
        state.lonely += isLonely ? 1 : -1
      }
      return found
    }
  }

  /// Tells the owner of a request that is done, and takes the stream's next where that is the client's own and it goes on.
  private func finish(_ request: inout Request?, _ client: Client, _ goesOn: Bool) {
    guard let done = request, done.isDone else { return }
    // While the stream is not free for another thread, so that its owner sees it as it is now.
    done.whenDone()
    request = state.withLock { state in
      state.release(done)
      return goesOn && done.client === client ? state.take { $0.stream === done.stream } : nil
    }
  }
}

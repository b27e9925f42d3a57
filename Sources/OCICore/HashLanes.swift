internal import CSHA256
internal import Dispatch
internal import Synchronization

/// Hashes the streams of all layers that are made at once, two at a time on one core where the processor can.
///
/// One SHA-256 stream leaves most of a core's SHA unit idle, because each round waits for the one before. So all bytes go
/// through one queue, and a few threads of their own hash what is in it: each takes one stream while there are cores
/// enough, and two side by side when there are more. A stream that is alone is hashed in slices, so that a second one can
/// join it half way.
package final class HashLanes: Sendable {
  /// The queue of this process.
  package static let shared = HashLanes()

  /// So much of a lone stream is hashed before a second one is looked for.
  private static let slice = 128 << 10

  /// Bytes to hash. Sendable: the memory stays where it is until `whenDone` has been called, which keeps its owner alive.
  @safe private struct Request: @unchecked Sendable {
    let stream: SHA256Stream
    private var bytes: UnsafeBufferPointer<UInt8>
    let whenDone: @Sendable () -> Void

    init(_ stream: SHA256Stream, _ bytes: UnsafeBufferPointer<UInt8>, _ whenDone: @escaping @Sendable () -> Void) {
      self.stream = stream
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
    /// In the order in which they came; a stream's own stay in order, because one that is busy is passed over.
    var waiting: [Request] = []
    /// The streams that workers have.
    var busy: [SHA256Stream] = []
    /// How many streams each worker has.
    var lanes: [Int] = []

    /// Takes the first request of a stream that no worker has.
    mutating func takeNext(for worker: Int) -> Request? {
      guard let index = waiting.firstIndex(where: { request in !isBusy(request.stream) }) else { return nil }
      busy.append(waiting[index].stream)
      lanes[worker] += 1
      return waiting.remove(at: index)
    }

    mutating func release(_ request: Request, from worker: Int?) {
      busy.removeAll { $0 === request.stream }
      if let worker { lanes[worker] -= 1 }
    }

    func isBusy(_ stream: SHA256Stream) -> Bool { busy.contains { $0 === stream } }

    /// How many streams wait for a worker.
    var waitingStreams: Int {
      var seen: [SHA256Stream] = []
      for request in waiting where !isBusy(request.stream) && !seen.contains(where: { $0 === request.stream }) {
        seen.append(request.stream)
      }
      return seen.count
    }

    /// How many workers have room for a second stream.
    var lonely: Int { lanes.count { $0 == 1 } }
  }
  private let state = Mutex(State())
  private let available = DispatchSemaphore(value: 0)
  private let maximumWorkers = WorkerThread.processorCount
  /// So many streams have a core each, and leave the other half of the cores to those who read; more share cores.
  private let unpairedStreams: Int

  private init() {
    unpairedStreams = flywheel_sha256_has_lanes() != 0 ? max(1, WorkerThread.processorCount / 2) : .max
  }

  /// Adds bytes to a stream, after those that were submitted for it before.
  /// - Parameters:
  ///   - helping: Whether the calling thread may hash them itself, where there are cores enough for every stream to have its
  ///     own: nobody has to be woken, and the bytes are near.
  ///   - whenDone: Called when they are hashed, on a hashing thread or one that helps; keeps what owns the memory.
  package func submit(
    _ stream: SHA256Stream, _ bytes: Span<UInt8>, helping: Bool = false, whenDone: @escaping @Sendable () -> Void
  ) {
    let request = unsafe bytes.withUnsafeBufferPointer { unsafe Request(stream, $0, whenDone) }
    var own = state.withLock { state in
      state.waiting.append(request)
      return helping ? takeToHelp(stream, &state) : nil
    }
    guard own != nil else { return wakeWorker() }
    while own != nil {
      own?.advance(upTo: .max)
      finish(&own)
      // What others have added in the meantime.
      own = state.withLock { takeToHelp(stream, &$0) }
    }
    if state.withLock({ $0.waiting.contains { $0.stream === stream } }) { wakeWorker() }
  }

  private func takeToHelp(_ stream: SHA256Stream, _ state: inout State) -> Request? {
    guard !state.isBusy(stream), state.busy.count + state.waitingStreams <= unpairedStreams,
      let index = state.waiting.firstIndex(where: { $0.stream === stream })
    else { return nil }
    state.busy.append(stream)
    return state.waiting.remove(at: index)
  }

  private func wakeWorker() {
    let newWorker: Int? = state.withLock { state in
      guard state.lanes.count < maximumWorkers, !state.lanes.contains(0) else { return nil }
      state.lanes.append(0)
      return state.lanes.count - 1
    }
    if let newWorker { startWorker(newWorker) }
    available.signal()
  }

  /// Adds bytes to a stream; returns when they are hashed.
  package func update(_ stream: SHA256Stream, _ bytes: Span<UInt8>) {
    let done = DispatchSemaphore(value: 0)
    submit(stream, bytes) { done.signal() }
    done.wait()
  }

  private func startWorker(_ worker: Int) {
    do {
      try WorkerThread.start { self.work(as: worker) }
    } catch {
      // One worker is enough to go on; the first has to be.
      precondition(worker > 0, "the system allows no further thread; raise the limit of processes")
    }
  }

  private func work(as worker: Int) {
    var first: Request?
    var second: Request?
    while true {
      state.withLock { state in
        let waiting = state.waitingStreams
        let isCrowded = state.busy.count + waiting > unpairedStreams
        if first == nil {
          // A stream for which another worker has room is left to it.
          if isCrowded, waiting <= state.lonely { return }
          first = state.takeNext(for: worker)
        }
        if first != nil, second == nil, isCrowded { second = state.takeNext(for: worker) }
      }
      guard var current = first else {
        available.wait()
        continue
      }
      if var other = second {
        Request.advance(&current, &other)
        second = other
      } else {
        current.advance(upTo: Self.slice)
      }
      first = current
      finish(&first, worker)
      finish(&second, worker)
      if first == nil { swap(&first, &second) }
    }
  }

  /// Tells the owner of a request that is done.
  /// - Parameter worker: Who had it; `nil` for a thread that helped.
  private func finish(_ request: inout Request?, _ worker: Int? = nil) {
    guard let done = request, done.isDone else { return }
    request = nil
    // Before the stream is free for another worker, so that its owner sees it as it is now.
    done.whenDone()
    state.withLock { $0.release(done, from: worker) }
  }
}

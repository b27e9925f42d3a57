import Dispatch
import Synchronization
import Testing

@testable import OCICore

/// Streams of many threads that meet to be hashed.
struct HashLanesTests {
  private func bytes(_ count: Int, _ seed: UInt8) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 / 3) &+ seed }
  }

  private func digest(_ bytes: [UInt8]) -> Digest {
    var digester = Digester()
    digester.update(bytes.span)
    return digester.finalize()
  }

  @Test func aStreamThatIsTheOnlyOneIsHashedAtOnce() {
    let (lanes, content) = (HashLanes(), bytes(300_000, 1))
    let (stream, client) = (SHA256Stream(), lanes.client(streams: 1))
    let isDone = Flag()
    client.submit(stream, content.span) { isDone.isSet = true }
    #expect(stream.count == 0)
    client.help()
    #expect(isDone.isSet)
    #expect(stream.digest == digest(content))
  }

  /// Where the processor has no lanes, waiting would gain nothing.
  @Test func aLoneStreamIsLeftForAnotherThatIsExpected() {
    let (lanes, content) = (HashLanes(), bytes(200_000, 1))
    let (one, other) = (lanes.client(streams: 1), lanes.client(streams: 1))
    let (first, second) = (SHA256Stream(), SHA256Stream())
    one.submit(first, content.span) {}
    one.help()
    // Who has never come is not expected.
    #expect(first.count == 200_000)
    other.submit(second, content.span) {}
    other.help()
    #expect(second.count == (lanes.pairs ? 0 : 200_000))
    one.submit(first, content.span) {}
    one.help()
    #expect(first.digest == digest(content + content))
    #expect(second.digest == digest(content))
  }

  @Test func nothingIsLeftForAnotherThatHasGone() {
    let (lanes, content) = (HashLanes(), bytes(100_000, 1))
    let (one, other) = (lanes.client(streams: 1), lanes.client(streams: 2))
    let stream = SHA256Stream()
    other.submit(SHA256Stream(), content.span) {}
    other.hurry()
    other.leave()
    one.submit(stream, content.span) {}
    one.help()
    #expect(stream.digest == digest(content))
  }

  @Test func whoIsInAHurryWaitsForNobody() {
    let (lanes, content) = (HashLanes(), bytes(100_000, 1))
    let (one, other) = (lanes.client(streams: 1), lanes.client(streams: 1))
    let (first, second) = (SHA256Stream(), SHA256Stream())
    other.submit(second, content.span) {}
    other.hurry()
    one.submit(first, content.span) {}
    one.submit(first, content.span) {}
    #expect(one.hurry(goesOn: false))
    #expect(first.count == 100_000)
    #expect(one.hurry())
    #expect(!one.hurry())
    #expect(first.digest == digest(content + content))
  }

  /// Clients on cores of their own choice, each of which has brought a piece.
  private final class Cores: Sendable {
    private let core = Atomic(0)
    private let content: [UInt8]
    private let members: Mutex<[(client: HashLanes.Client, streams: [SHA256Stream])]>

    /// - Parameter cores: On which core each client is.
    init(_ content: [UInt8], on cores: [Int], streams: Int = 1) {
      self.content = content
      members = Mutex([])
      let lanes = HashLanes { [weak self] in self?.core.load(ordering: .relaxed) ?? 0 }
      for core in cores {
        let client = lanes.client(streams: streams)
        let index = members.withLock { members in
          members.append((client, (0..<streams).map { _ in SHA256Stream() }))
          return members.count - 1
        }
        submit(index, on: core)
        client.hurry()
      }
    }

    private func submit(_ index: Int, on core: Int) {
      self.core.store(core, ordering: .relaxed)
      let (client, streams) = members.withLock { $0[index] }
      let content = content
      for stream in streams { client.submit(stream, content.span) {} }
    }

    /// Whether something was left.
    func bring(_ index: Int, on core: Int) -> Bool {
      submit(index, on: core)
      return members.withLock { $0[index].client }.help()
    }

    /// How many pieces of each client's first stream are hashed.
    var pieces: [Int] { members.withLock { $0.map { Int($0.streams[0].count) / content.count } } }
  }

  /// Bytes that another core has made have to be fetched from its cache.
  @Test(.enabled(if: HashLanes.shared.pairs)) func whereClientsTakeTurnsOnACoreTheirBytesAreHashedThere() {
    let cores = Cores(bytes(1_000, 1), on: [0, 1, 0, 1])
    #expect(cores.pieces == [1, 1, 1, 1])
    #expect(cores.bring(0, on: 0))
    #expect(cores.bring(1, on: 1))
    #expect(cores.pieces == [1, 1, 1, 1])
    #expect(!cores.bring(3, on: 1))
    #expect(cores.pieces == [1, 2, 1, 2])
    #expect(!cores.bring(2, on: 0))
    #expect(cores.pieces == [2, 2, 2, 2])
  }

  @Test(.enabled(if: HashLanes.shared.pairs)) func whoHasACoreForItselfTakesWhatAnotherHasBroughtTheOldestFirst() {
    let cores = Cores(bytes(1_000, 1), on: [0, 1, 0, 1, 2])
    #expect(cores.bring(1, on: 1))
    #expect(cores.bring(0, on: 0))
    #expect(!cores.bring(4, on: 2))
    #expect(cores.pieces == [1, 2, 1, 1, 2])
  }

  /// The other client on its core may wait for a disk.
  @Test(.enabled(if: HashLanes.shared.pairs)) func whoHasWaitedOnceForItsOwnCoreTakesWhatThereIs() {
    let cores = Cores(bytes(1_000, 1), on: [0, 1, 0, 1])
    #expect(cores.bring(0, on: 0))
    #expect(cores.bring(1, on: 1))
    #expect(!cores.bring(0, on: 0))
    #expect(cores.pieces == [3, 2, 1, 1])
  }

  @Test(.enabled(if: HashLanes.shared.pairs)) func twoStreamsOfOneClientNeedNoOther() {
    let cores = Cores(bytes(1_000, 1), on: [0, 0, 1], streams: 2)
    #expect(!cores.bring(0, on: 0))
    #expect(!cores.bring(2, on: 1))
    #expect(cores.pieces == [2, 1, 2])
  }

  /// Others bring a piece whenever one is hashed: whoever hashes them beside its own would never be done.
  @Test func aThreadComesBackFromHashingForOthers() {
    let (lanes, content) = (HashLanes(), bytes(300_000, 1))
    let (one, stream) = (lanes.client(streams: 1), SHA256Stream())
    let others = (0..<2).map { Feeder(lanes.client(streams: 1), content, number: $0) }
    for other in others { other.feed() }
    one.submit(stream, content.span.extracting(..<1_000)) {}
    one.hurry()
    #expect(stream.count == 1_000)
    #expect(others.map(\.pieces).reduce(0, +) <= 3)
  }

  /// Brings the next piece when one is hashed; no two end at the same time.
  private final class Feeder: Sendable {
    private let client: HashLanes.Client
    private let stream = SHA256Stream()
    private let content: [UInt8]
    private let number: Int
    private let count = Atomic(0)

    init(_ client: HashLanes.Client, _ content: [UInt8], number: Int) {
      self.client = client
      self.content = content
      self.number = number
    }

    var pieces: Int { count.load(ordering: .relaxed) }

    func feed() {
      let piece = count.add(1, ordering: .relaxed).newValue
      guard piece <= 50 else { return }
      let content = content
      client.submit(stream, content.span.extracting(..<(250_000 - 20_000 * number - 64 * piece))) { self.feed() }
    }
  }

  /// A thread may go to another core between two pieces of a stream.
  @Test(.enabled(if: HashLanes.shared.pairs)) func aStreamIsHashedInOrderWhereverItsBytesWereBrought() {
    let core = Core()
    let lanes = HashLanes { core.number }
    let (first, second, others) = (bytes(1_000, 1), bytes(1_000, 2), bytes(1_000, 3))
    let clients = (0..<4).map { _ in lanes.client(streams: 1) }
    let streams = clients.map { _ in SHA256Stream() }
    for (index, client) in clients.enumerated() {
      core.number = index % 2
      client.submit(streams[index], others.span) {}
      client.hurry()
    }
    core.number = 0
    clients[0].submit(streams[0], first.span) {}
    #expect(clients[0].help())
    core.number = 1
    clients[0].submit(streams[0], second.span) {}
    clients[1].submit(streams[1], others.span) {}
    clients[1].help()
    clients[0].hurry()
    #expect(streams[0].digest == digest(others + first + second))
  }

  private final class Core: Sendable {
    private let value = Atomic(0)
    var number: Int {
      get { value.load(ordering: .relaxed) }
      set { value.store(newValue, ordering: .relaxed) }
    }
  }

  /// Each with pieces of its own sizes; those of a stream are hashed in their order, whoever hashes them, and wherever its thread
  /// seems to be.
  @Test(arguments: [1, 2, 5, 9], [false, true]) func streamsOfManyThreadsKeepTheirBytes(threads: Int, wander: Bool) {
    let lanes = wander ? HashLanes { Int.random(in: 0..<3) } : HashLanes()
    let group = DispatchGroup()
    let digests = Mutex<[Int: [Digest]]>([:])
    let contents = (0..<threads).map { thread in
      (0..<2).map { bytes(400_000 + 20_001 * thread, UInt8(thread * 2 + $0)) }
    }
    for thread in 0..<threads {
      group.enter()
      let run = { @Sendable in
        let streams = [SHA256Stream(), SHA256Stream()]
        let (client, open) = (lanes.client(streams: 2), DispatchGroup())
        var offset = 0
        while offset < contents[thread][0].count {
          let end = min(contents[thread][0].count, offset + 1 + (offset * 7 + thread * 9_973) % 70_000)
          for (stream, content) in zip(streams, contents[thread]) {
            let piece = Array(content[offset..<end])
            open.enter()
            client.submit(stream, piece.span) { withExtendedLifetime(piece) { open.leave() } }
          }
          offset = end
          // Sometimes several pieces of a stream wait.
          if offset % 3 == 0 { client.help() }
        }
        repeat { client.hurry() } while open.wait(timeout: .now() + .milliseconds(1)) == .timedOut
        client.leave()
        digests.withLock { $0[thread] = streams.map(\.digest) }
        group.leave()
      }
      do { try WorkerThread.start(run) } catch {
        Issue.record(error)
        group.leave()
      }
    }
    group.wait()
    let results = digests.withLock { $0 }
    #expect(results.count == threads)
    for (thread, digests) in results {
      #expect(digests == contents[thread].map(digest))
    }
  }
}

/// What one thread tells another.
private final class Flag: Sendable {
  private let value = Atomic(false)

  var isSet: Bool {
    get { value.load(ordering: .relaxed) }
    set { value.store(newValue, ordering: .relaxed) }
  }
}

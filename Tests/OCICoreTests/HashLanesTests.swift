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
    let (stream, client) = (SHA256Stream(), lanes.join(streams: 1))
    let isDone = Atomic(false)
    client.submit(stream, content.span) { isDone.store(true, ordering: .relaxed) }
    #expect(stream.count == 0)
    client.help()
    let wasDone = isDone.load(ordering: .relaxed)
    #expect(wasDone)
    #expect(stream.digest == digest(content))
  }

  /// Where the processor has no lanes, waiting would gain nothing.
  @Test func aLoneStreamIsLeftForAnotherThatIsExpected() {
    let (lanes, contents) = (HashLanes(), [bytes(300_000, 1), bytes(200_000, 2)])
    let streams = [SHA256Stream(), SHA256Stream()]
    let clients = [lanes.join(streams: 1), lanes.join(streams: 1)]
    let done = Atomic(0)
    for (index, client) in clients.enumerated() {
      let content = contents[index]
      client.submit(streams[index], content.span) { done.add(1, ordering: .relaxed) }
      client.help()
      let expected = lanes.pairs ? 2 * index : index + 1
      let actual = done.load(ordering: .relaxed)
      #expect(actual == expected)
    }
    #expect(streams.map(\.digest) == contents.map(digest))
  }

  @Test func nothingIsLeftForAnotherThatHasGone() {
    let (lanes, content) = (HashLanes(), bytes(100_000, 1))
    let (stream, client, other) = (SHA256Stream(), lanes.join(streams: 1), lanes.join(streams: 2))
    other.leave()
    client.submit(stream, content.span) {}
    client.help()
    #expect(stream.digest == digest(content))
  }

  @Test func whoIsInAHurryWaitsForNobody() {
    let (lanes, content) = (HashLanes(), bytes(100_000, 1))
    let (stream, client, other) = (SHA256Stream(), lanes.join(streams: 1), lanes.join(streams: 1))
    client.submit(stream, content.span) {}
    client.submit(stream, content.span) {}
    client.hurry()
    #expect(stream.digest == digest(content + content))
    other.leave()
  }

  /// Each with pieces of its own sizes; those of a stream are hashed in their order, whoever hashes them.
  @Test(arguments: [1, 2, 5, 9]) func streamsOfManyThreadsKeepTheirBytes(threads: Int) {
    let lanes = HashLanes()
    let group = DispatchGroup()
    let digests = Mutex<[Int: [Digest]]>([:])
    let contents = (0..<threads).map { thread in
      (0..<2).map { bytes(400_000 + 20_001 * thread, UInt8(thread * 2 + $0)) }
    }
    for thread in 0..<threads {
      group.enter()
      let run = { @Sendable in
        let streams = [SHA256Stream(), SHA256Stream()]
        let (client, open) = (lanes.join(streams: 2), DispatchGroup())
        var offset = 0
        while offset < contents[thread][0].count {
          let end = min(contents[thread][0].count, offset + 1 + (offset * 7 + thread * 9_973) % 70_000)
          for (stream, content) in zip(streams, contents[thread]) {
            let piece = Array(content[offset..<end])
            open.enter()
            client.submit(stream, piece.span) { withExtendedLifetime(piece) { open.leave() } }
          }
          offset = end
          client.help()
        }
        repeat { client.hurry() } while open.wait(timeout: .now() + .milliseconds(1)) == .timedOut
        client.leave()
        digests.withLock { $0[thread] = streams.map(\.digest) }
        group.leave()
      }
      do { try WorkerThread.start(run) } catch { Issue.record(error) }
    }
    group.wait()
    for (thread, digests) in digests.withLock({ $0 }) {
      #expect(digests == contents[thread].map(digest))
    }
  }
}

import Dispatch
import OCICore
import Synchronization
import Testing

/// Streams that never hold the whole, and end when their reader does.
struct ByteStreamTests {
  @Test func aProducerIsAtMostItsBufferAhead() async throws {
    let counter = Counter()
    let stream = ByteStream(bufferedChunks: 3) { writer in
      for _ in 0..<100 {
        try writer.write([1])
        counter.value.add(1, ordering: .relaxed)
      }
    }
    var read = 0
    for try await _ in stream {
      read += 1
      try await Task.sleep(for: .milliseconds(1))
      #expect(counter.value.load(ordering: .relaxed) <= read + 4)
    }
    #expect(read == 100)
  }

  @Test func aReaderThatLeavesStopsTheProducer() async throws {
    let stopped = AsyncStream<Bool>.makeStream()
    do {
      let stream = ByteStream { writer in
        do {
          while true { try writer.write([1]) }
        } catch {
          stopped.continuation.yield(error is CancellationError)
          throw error
        }
      }
      for try await _ in stream { break }
    }
    for await wasCancelled in stopped.stream {
      #expect(wasCancelled)
      break
    }
  }

  @Test func theErrorOfAProducerReachesTheReader() async throws {
    struct Failure: Error {}
    let stream = ByteStream { writer in
      try writer.write([1, 2])
      throw Failure()
    }
    await #expect(throws: Failure.self) { try await stream.collect(upTo: 10) }
  }

  @Test func cancellingWakesAReaderThatWaits() async throws {
    let release = DispatchSemaphore(value: 0)
    let stream = ByteStream { (_: ByteStream.Writer) in release.wait() }
    defer { release.signal() }
    let reading = Task { try await stream.collect(upTo: 1) }
    try await Task.sleep(for: .milliseconds(20))
    reading.cancel()
    await #expect(throws: CancellationError.self) { try await reading.value }
  }

  @Test func wrongContentIsNeverAWhole() async throws {
    let announced = Descriptor(mediaType: .octetStream, describing: [1, 2, 3])
    for content in [[1, 2], [1, 2, 3, 4], [1, 2, 4], []] as [[UInt8]] {
      var received: [UInt8] = []
      await #expect(throws: OCIError.self) {
        for try await chunk in ByteStream(content).verified(as: announced) { received += chunk }
      }
      #expect(received.count < 3)
    }
    #expect(try await ByteStream([1, 2, 3]).verified(as: announced).collect(upTo: 3) == [1, 2, 3])
  }

  @Test func aStreamThatFailedFailsAgainAndDoesNotEnd() async throws {
    let announced = Descriptor(mediaType: .octetStream, describing: [1, 2, 3])
    let iterator = ByteStream([1, 2, 4]).verified(as: announced).makeAsyncIterator()
    for _ in 0..<2 {
      let error = await #expect(throws: OCIError.self) { _ = try await iterator.next() }
      #expect(error?.code == .digestMismatch)
    }
  }

  @Test func twoReadersOfOneStreamAreToldApart() async throws {
    let release = DispatchSemaphore(value: 0)
    let stream = ByteStream { (writer: ByteStream.Writer) in
      release.wait()
      try writer.write([1])
    }
    await withTaskGroup(of: Result<[UInt8]?, any Error>.self) { group in
      for _ in 0..<2 {
        group.addTask {
          do { return .success(try await stream.makeAsyncIterator().next()) } catch { return .failure(error) }
        }
      }
      // Whichever came second is refused at once; the other gets what the producer gives.
      let refused = await group.next()
      #expect(throws: OCIError.self) { try refused?.get() }
      release.signal()
      let served = try? await group.next()?.get()
      #expect(served == [1])
    }
  }

  private final class Counter: Sendable {
    let value = Atomic(0)
  }
}

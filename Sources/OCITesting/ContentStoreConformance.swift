public import OCICore

/// What every `ContentStore` must do. Run `check` from the tests of a store of your own; `TagStoreConformance` and
/// `ReferrerStoreConformance` check what the other seams add.
public struct ContentStoreConformance: Sendable {
  /// A promise that a store does not keep.
  public struct Failure: Error, Sendable, CustomStringConvertible {
    /// What it did, and what it should do.
    public let description: String
  }

  /// The error of a blob source that fails, which a store must pass on as it is.
  private struct SourceFailure: Error {}

  /// Checks a store that tests may write to; blobs stay behind.
  /// - Parameters:
  ///   - store: The store under test.
  ///   - seed: Makes the content; a store that has content of a former check needs another.
  /// - Throws: `Failure`, or an error of the store where it should have succeeded.
  public static func check(_ store: some ContentStore, seed: UInt64 = .random(in: .min ... .max)) async throws {
    try await checkBlobs(store, seed)
    try await checkFailures(store, seed &+ 1)
    try await checkConcurrency(store, seed &+ 2)
    try await checkCancellation(store, seed &+ 3)
  }

  private static func checkBlobs(_ store: some ContentStore, _ seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    // More than one chunk, one byte, and nothing.
    for size in [(2 << 20) + 1, 1, 0] {
      let bytes = generator.bytes(size)
      let blob = Descriptor(mediaType: .layerTar, describing: bytes)
      // One byte and nothing are the same in each check, so a former one may have left them.
      if size > 1 {
        try await require(!store.exists(blob), "exists is true for a blob that was never pushed")
        try await requireFailure("fetch succeeds for a blob that is not there") {
          _ = try await store.fetch(blob).collect(upTo: size)
        }
      }
      let source = BlobSource { ByteStream(producer: chunks(of: bytes)) }
      try await store.push(blob, from: source)
      try await require(store.exists(blob), "exists is false for a blob of \(size) bytes after its push")
      let fetched = try await store.fetch(blob).collect(upTo: size)
      try require(fetched == bytes, "fetch gives other bytes than were pushed (\(size) bytes)")
      try await store.push(blob, from: source)
      try await require(store.exists(blob), "a blob that is pushed again goes away")
      var longer = blob
      longer.size += 1
      try await require(!store.exists(longer), "exists is true for a blob whose size is another")
    }
  }

  private static func checkFailures(_ store: some ContentStore, _ seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    let bytes = generator.bytes(100_000)
    let blob = Descriptor(mediaType: .layerTar, describing: bytes)
    for (what, wrong) in [
      ("changed", bytes.dropLast() + [bytes[bytes.count - 1] ^ 1]), ("shorter", bytes.dropLast()),
      ("longer", bytes + [0]), ("missing", []),
    ] {
      try await requireFailure("push takes \(what) content") {
        try await store.push(blob, from: BlobSource(Array(wrong)))
      }
      try await require(!store.exists(blob), "after a push of \(what) content the blob is there")
    }
    let opened = Counter()
    do {
      try await store.push(
        blob,
        from: BlobSource {
          await opened.increment()
          let rest = Counter()
          return ByteStream {
            guard await rest.increment() == 1 else { throw SourceFailure() }
            return Array(bytes.prefix(50_000))
          }
        })
      throw Failure(description: "push succeeds though the source fails")
    } catch is SourceFailure {
      try await require(opened.value == 1, "push tries again after an error of the source")
    } catch let error as Failure {
      throw error
    } catch {
      throw Failure(description: "push hides the source's error behind \(type(of: error)): \(error)")
    }
    try await require(!store.exists(blob), "after a source's error the blob is there")
  }

  /// Many pushes of one blob, and of many, at a time.
  private static func checkConcurrency(_ store: some ContentStore, _ seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    let contents = (0..<4).map { _ in generator.bytes(100_000) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for bytes in contents + contents + contents {
        group.addTask {
          try await store.push(Descriptor(mediaType: .layerTar, describing: bytes), from: BlobSource(bytes))
        }
      }
      try await group.waitForAll()
    }
    for bytes in contents {
      let fetched = try await store.fetch(Descriptor(mediaType: .layerTar, describing: bytes)).collect(upTo: 100_000)
      try require(fetched == bytes, "after pushes at the same time a blob has other bytes")
    }
  }

  private static func checkCancellation(_ store: some ContentStore, _ seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    let bytes = generator.bytes(200_000)
    let blob = Descriptor(mediaType: .layerTar, describing: bytes)
    let halfway = Counter()
    let push = Task {
      try await store.push(
        blob,
        from: BlobSource {
          ByteStream {
            guard await halfway.increment() > 1 else { return Array(bytes.prefix(100_000)) }
            // Here the push hangs until it is cancelled.
            try await Task.sleep(for: .seconds(600))
            return nil
          }
        })
    }
    while await halfway.value < 2 { try await Task.sleep(for: .milliseconds(1)) }
    push.cancel()
    if case .success = await push.result { throw Failure(description: "a cancelled push succeeds") }
    try await require(!store.exists(blob), "after a cancelled push the blob is there")
    try await store.push(blob, from: BlobSource(bytes))
    try await require(store.exists(blob), "after a cancelled push the blob cannot be pushed again")
  }

  static func require(_ condition: Bool, _ failure: String) throws {
    guard condition else { throw Failure(description: failure) }
  }

  static func requireFailure(_ failure: String, _ operation: () async throws -> Void) async throws {
    do { try await operation() } catch { return }
    throw Failure(description: failure)
  }

  /// A stream of uneven chunks.
  private static func chunks(of bytes: [UInt8]) -> @Sendable (ByteStream.Writer) throws -> Void {
    { writer in
      var start = 0
      var length = 1
      while start < bytes.count {
        let end = min(start + length, bytes.count)
        try writer.write(Array(bytes[start..<end]))
        start = end
        length = min(length * 3, 1 << 20)
      }
    }
  }

  private actor Counter {
    var value = 0

    @discardableResult
    func increment() -> Int {
      value += 1
      return value
    }
  }
}

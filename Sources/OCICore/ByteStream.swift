internal import Dispatch
internal import Synchronization

/// Bytes in chunks, read once from beginning to end; never the whole in memory.
public struct ByteStream: AsyncSequence, Sendable {
  /// A chunk, at most a few MiB, never empty.
  public typealias Element = [UInt8]

  private let pull: @Sendable () async throws -> [UInt8]?

  /// The open file that gives the bytes, for who reads it directly rather than through chunks, from where it stands on.
  package let file: FileContent?

  /// A file behind a stream, and who wants to know how much of it is read.
  package struct FileContent: Sendable {
    /// The file.
    package let file: OpenFile
    /// Is told how many bytes were just read.
    package var onBytes: (@Sendable (Int) -> Void)?
  }

  /// Creates a stream from a function that gives the next chunk, or `nil` at the end.
  public init(_ pull: @escaping @Sendable () async throws -> [UInt8]?) { self.init(file: nil, pull) }

  init(file: FileContent?, _ pull: @escaping @Sendable () async throws -> [UInt8]?) {
    self.file = file
    self.pull = pull
  }

  /// The same stream, of which is told how far it has been read, in bytes.
  /// - Parameter offset: How many bytes came before it.
  func counted(from offset: Int64, _ report: @escaping @Sendable (Int64) -> Void) -> ByteStream {
    let position = Mutex(offset)
    let count: @Sendable (Int) -> Void = { bytes in
      report(
        position.withLock { position in
          position += Int64(bytes)
          return position
        })
    }
    return ByteStream(file: file.map { FileContent(file: $0.file, onBytes: count) }) { [pull] in
      let chunk = try await pull()
      if let chunk { count(chunk.count) }
      return chunk
    }
  }

  /// Creates a stream of bytes at hand.
  public init(_ bytes: [UInt8]) {
    let rest = Rest(bytes)
    self.init { rest.take() }
  }

  /// Creates a stream whose bytes are made by blocking code on a thread of its own, at most `bufferedChunks` ahead of
  /// the reader. The thread starts at the first read; when the reader goes away, `write` throws `CancellationError`.
  public init(bufferedChunks: Int = 4, producer: @escaping @Sendable (Writer) throws -> Void) {
    let reader = Reader(HandOver(slots: bufferedChunks), producer)
    self.init { try await reader.next() }
  }

  /// Where a producer puts its chunks.
  public struct Writer: Sendable {
    fileprivate let handOver: HandOver

    /// Hands over one chunk, waiting while the reader is behind.
    /// - Throws: `CancellationError` when nobody reads any more.
    public func write(_ chunk: [UInt8]) throws(CancellationError) {
      if !chunk.isEmpty { try handOver.put(chunk) }
    }
  }

  /// Begins to read; a stream is read once.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pull: pull) }

  /// Reads the chunks.
  public struct AsyncIterator: AsyncIteratorProtocol, Sendable {
    fileprivate let pull: @Sendable () async throws -> [UInt8]?

    /// The next chunk, or `nil` at the end.
    public func next() async throws -> [UInt8]? { try await pull() }
  }

  /// The whole, for small documents.
  /// - Throws: `OCIError.Code.sizeMismatch` when there are more than `limit` bytes.
  public func collect(upTo limit: Int) async throws -> [UInt8] {
    var result: [UInt8] = []
    for try await chunk in self {
      guard result.count + chunk.count <= limit else {
        throw OCIError(.sizeMismatch, "the content is longer than \(limit) bytes")
      }
      result.append(contentsOf: chunk)
    }
    return result
  }

  /// The same bytes, failing where they turn out not to be those of `descriptor`.
  ///
  /// The last chunk is held back until the digest is known, so that a reader never has a whole wrong blob.
  public func verified(as descriptor: Descriptor) -> ByteStream {
    let verifier = Verifier(self, descriptor)
    return ByteStream { try await verifier.next() }
  }
}

/// Content that can be read again: what a retry after a lost connection needs.
public struct BlobSource: Sendable {
  private let opener: @Sendable (_ offset: Int64) async throws -> ByteStream

  /// Creates a source from a function that begins a new stream of the same bytes each time.
  public init(_ open: @escaping @Sendable () async throws -> ByteStream) {
    opener = { offset in try await open().dropping(first: offset) }
  }

  /// Creates a source from a function that begins at any byte, for content that need not be read from its beginning.
  public init(openingAt open: @escaping @Sendable (_ offset: Int64) async throws -> ByteStream) { opener = open }

  /// Creates a source of bytes at hand.
  public init(_ bytes: [UInt8]) {
    opener = { offset in ByteStream(offset == 0 ? bytes : Array(bytes.dropFirst(Int(offset)))) }
  }

  /// Begins to read.
  /// - Parameter offset: The first byte to give; where the content is shorter, the stream is empty.
  public func open(at offset: Int64 = 0) async throws -> ByteStream { try await opener(offset) }
}

extension ByteStream {
  /// The same stream without its first bytes, which are read and thrown away.
  fileprivate func dropping(first count: Int64) -> ByteStream {
    guard count > 0 else { return self }
    let iterator = makeAsyncIterator()
    let rest = Mutex(count)
    return ByteStream {
      while let chunk = try await iterator.next() {
        let skipped = rest.withLock { rest in
          let skipped = Swift.min(rest, Int64(chunk.count))
          rest -= skipped
          return Int(skipped)
        }
        if skipped == 0 { return chunk }
        if skipped < chunk.count { return Array(chunk[skipped...]) }
      }
      return nil
    }
  }
}

/// Bytes that are given once.
private final class Rest: Sendable {
  private let bytes: Mutex<[UInt8]?>
  init(_ bytes: [UInt8]) { self.bytes = Mutex(bytes.isEmpty ? nil : bytes) }
  func take() -> [UInt8]? {
    bytes.withLock { rest in
      defer { rest = nil }
      return rest
    }
  }
}

/// The reader's end: starts the producer at the first read and tells it when the reader goes away.
private final class Reader: Sendable {
  private let handOver: HandOver
  private let producer: Mutex<(@Sendable (ByteStream.Writer) throws -> Void)?>

  init(_ handOver: HandOver, _ producer: @escaping @Sendable (ByteStream.Writer) throws -> Void) {
    self.handOver = handOver
    self.producer = Mutex(producer)
  }

  deinit { handOver.cancel() }

  func next() async throws -> [UInt8]? {
    let start = producer.withLock { producer in
      defer { producer = nil }
      return producer
    }
    if let start {
      let handOver = handOver
      try WorkerThread.start {
        do {
          try start(ByteStream.Writer(handOver: handOver))
          handOver.finish(nil)
        } catch {
          handOver.finish(error)
        }
      }
    }
    return try await handOver.take()
  }
}

/// A bounded queue between a blocking writer and an async reader.
private final class HandOver: Sendable {
  private struct State {
    var chunks: [[UInt8]] = []
    var waiting: CheckedContinuation<[UInt8]?, any Error>?
    var isFinished = false
    var failure: (any Error)?
    var isCancelled = false
  }

  private let state = Mutex(State())
  private let free: DispatchSemaphore

  init(slots: Int) {
    // Begun at zero and raised, because a semaphore may not be freed below its first value.
    free = DispatchSemaphore(value: 0)
    for _ in 0..<max(1, slots) { free.signal() }
  }

  func put(_ chunk: [UInt8]) throws(CancellationError) {
    free.wait()
    let (isCancelled, reader) = state.withLock { state in
      if state.isCancelled { return (true, CheckedContinuation<[UInt8]?, any Error>?.none) }
      if let reader = state.waiting {
        state.waiting = nil
        return (false, reader)
      }
      state.chunks.append(chunk)
      return (false, nil)
    }
    if isCancelled {
      free.signal()
      throw CancellationError()
    }
    if let reader {
      free.signal()
      reader.resume(returning: chunk)
    }
  }

  func finish(_ failure: (any Error)?) {
    let reader = state.withLock { state in
      state.isFinished = true
      state.failure = failure
      defer { state.waiting = nil }
      return state.waiting
    }
    guard let reader else { return }
    if let failure { reader.resume(throwing: failure) } else { reader.resume(returning: nil) }
  }

  func cancel() {
    let reader = state.withLock { state in
      state.isCancelled = true
      defer { state.waiting = nil }
      return state.waiting
    }
    reader?.resume(throwing: CancellationError())
    free.signal()
  }

  func take() async throws -> [UInt8]? {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let ready: Result<[UInt8]?, any Error>? = state.withLock { state in
          if state.isCancelled { return .failure(CancellationError()) }
          if !state.chunks.isEmpty { return .success(state.chunks.removeFirst()) }
          if let failure = state.failure { return .failure(failure) }
          if state.isFinished { return .success(nil) }
          guard state.waiting == nil else {
            return .failure(OCIError(.alreadyConsumed, "a stream is read by two tasks at once; open the source twice"))
          }
          state.waiting = continuation
          return nil
        }
        guard let ready else { return }
        if case .success(.some) = ready { free.signal() }
        continuation.resume(with: ready)
      }
    } onCancel: {
      cancel()
    }
  }
}

/// Hashes what passes and compares it with what was announced.
private actor Verifier {
  private var iterator: ByteStream.AsyncIterator
  private let descriptor: Descriptor
  private var digester: Digester?
  private var count: Int64 = 0
  private var held: [UInt8]?
  private var failure: OCIError?

  init(_ stream: ByteStream, _ descriptor: Descriptor) {
    iterator = stream.makeAsyncIterator()
    self.descriptor = descriptor
    do { digester = Digester(try descriptor.digest.requireHashFunction()) } catch { failure = error }
  }

  func next() async throws -> [UInt8]? {
    if let failure { throw failure }
    guard digester != nil else { return nil }
    while let chunk = try await iterator.next() {
      digester?.update(chunk.span)
      count += Int64(chunk.count)
      guard count <= descriptor.size || !descriptor.hasSize else {
        throw failed(.sizeMismatch, "has more than \(descriptor.size) bytes")
      }
      let ready = held
      held = chunk
      if let ready { return ready }
    }
    guard let digester = digester.take() else { return nil }
    guard count == descriptor.size || !descriptor.hasSize else {
      throw failed(.sizeMismatch, "has \(count) bytes instead of \(descriptor.size)")
    }
    let digest = digester.finalize()
    guard digest == descriptor.digest else {
      throw failed(.digestMismatch, "has digest \(digest): it is damaged or was changed")
    }
    return held.take()
  }

  /// Whoever reads on after a failure gets it again, not an end.
  private func failed(_ code: OCIError.Code, _ what: String) -> OCIError {
    let error = OCIError(code, "the content of blob \(descriptor.digest) \(what)")
    failure = error
    return error
  }
}

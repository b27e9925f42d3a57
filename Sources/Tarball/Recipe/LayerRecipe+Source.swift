public import OCICore
internal import Synchronization

extension LayerRecipe {
  /// The layer's bytes, made again on each opening while they are read, never stored. Whoever takes them compares them
  /// with the digest computed before.
  /// - Parameters:
  ///   - encoding: How the tar becomes the bytes that are given.
  ///   - parallelism: How many threads and buffers to use.
  ///   - cache: Who may have encoded parts already; the sources of these are not read.
  ///   - substitute: Gives sources that are not on this machine.
  public func source(
    encoding: LayerEncoding, parallelism: LayerParallelism = .automatic, cache: (any LayerCache)? = nil,
    substitute: (any TreeSubstitute)? = nil
  ) -> BlobSource {
    BlobSource {
      try EncodingCanary.verify(encoding)
      return ByteStream(bufferedChunks: 2) { writer in
        try writer.write(encoding.prefix)
        let checksum = RunningChecksum()
        let order = LayerPipeline.Order(
          recipe: self, encoding: encoding, parallelism: parallelism, needsTar: encoding == .none, cache: cache,
          substitute: substitute)
        try LayerPipeline(order).run(BatchWriter(writer: writer, checksum: checksum))
        try writer.write(encoding.suffix(checksum.value))
      }
    }
  }
}

/// Writes batches to a stream.
private struct BatchWriter: LayerPipeline.Consumer {
  let writer: ByteStream.Writer
  let checksum: RunningChecksum

  func take(_ batch: LayerPipeline.Filled, _ release: @escaping @Sendable () -> Void) throws {
    defer { release() }
    checksum.append(batch.checksum)
    if let cached = batch.cached {
      try writer.write(cached)
    } else if batch.slot.encodedCount == 0 {
      try writer.write(batch.slot.withTar { Array(copying: $0) })
    } else {
      try writer.write(batch.slot.withEncoded { Array(copying: $0) })
    }
  }

  var delays: Bool { false }
  func help(goesOn: Bool) -> Bool { false }
  func hurry() -> Bool { false }
}

/// The checksum of batches that come one after the other, on any thread.
private final class RunningChecksum: Sendable {
  private let sum = Mutex(GzipChecksum())

  var value: GzipChecksum { sum.withLock { $0 } }

  func append(_ checksum: GzipChecksum) { sum.withLock { $0.append(checksum) } }
}

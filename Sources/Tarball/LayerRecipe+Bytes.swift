public import OCICore
internal import Synchronization

extension LayerRecipe {
  /// Computes what the layer's bytes are called, in one pass that keeps none of them.
  /// - Parameter onProgress: Told now and then how many bytes of tar have been made.
  /// - Throws: `TarballError`, or `CancellationError`.
  public func digests(
    encoding: LayerEncoding, parallelism: LayerParallelism = .automatic,
    onProgress: (@Sendable (Int64) -> Void)? = nil
  ) async throws -> LayerDigests {
    try EncodingCanary.verify(encoding)
    let flag = CancellationFlag()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        do {
          try WorkerThread.start {
            continuation.resume(
              with: Result { try hash(encoding, parallelism, flag, onProgress) })
          }
        } catch {
          continuation.resume(throwing: error)
        }
      }
    } onCancel: {
      flag.raise()
    }
  }

  /// The layer's bytes, made again on each opening while they are read, never stored. Whoever takes them compares them
  /// with the digest computed before.
  public func source(encoding: LayerEncoding, parallelism: LayerParallelism = .automatic) -> BlobSource {
    BlobSource {
      try EncodingCanary.verify(encoding)
      return ByteStream(bufferedChunks: 2) { writer in
        if encoding != .none { try writer.write(GzipChecksum.memberHeader) }
        var checksum = GzipChecksum()
        try LayerPipeline.run(self, encoding, parallelism) { batch in
          guard let block = batch.block else {
            try writer.write(batch.tar)
            return nil
          }
          checksum.append(block.checksum)
          try writer.write(block.bytes)
          return batch.tar
        }
        if encoding != .none { try writer.write(checksum.memberTrailer) }
      }
    }
  }

  private func hash(
    _ encoding: LayerEncoding, _ parallelism: LayerParallelism, _ flag: CancellationFlag,
    _ onProgress: (@Sendable (Int64) -> Void)?
  ) throws -> LayerDigests {
    var tar = Digester()
    var blob = Digester()
    var checksum = GzipChecksum()
    let header = GzipChecksum.memberHeader
    if encoding != .none { blob.update(header.span) }
    try LayerPipeline.run(self, encoding, parallelism) { batch in
      if flag.isRaised { throw CancellationError() }
      tar.update(batch.tar.span)
      if let block = batch.block {
        blob.update(block.bytes.span)
        checksum.append(block.checksum)
      }
      onProgress?(tar.count)
      return batch.tar
    }
    let uncompressedSize = tar.count
    let diffID = tar.finalize()
    guard encoding != .none else {
      return LayerDigests(diffID: diffID, digest: diffID, size: uncompressedSize, uncompressedSize: uncompressedSize)
    }
    let trailer = checksum.memberTrailer
    blob.update(trailer.span)
    let size = blob.count
    return LayerDigests(
      diffID: diffID, digest: blob.finalize(), size: size, uncompressedSize: uncompressedSize)
  }
}

/// A flag that one thread raises and others look at.
private final class CancellationFlag: Sendable {
  private let state = Mutex(false)
  var isRaised: Bool { state.withLock { $0 } }
  func raise() { state.withLock { $0 = true } }
}

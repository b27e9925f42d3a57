public import OCICore
public import SystemPackage

/// One blob of a repository, as a fixed-output derivation fetches it.
public struct NixBlob: Sendable {
  private let descriptor: Descriptor

  /// Names a blob; its media type does not matter.
  public init(_ digest: Digest, size: Int64) {
    descriptor = Descriptor(mediaType: .layerTar, digest: digest, size: size)
  }

  /// Fetches it into a new file, and makes sure that it is the one.
  /// - Throws: The store's errors; `OCIError`: `digestMismatch`, `sizeMismatch`, `ioFailure`.
  public func fetch(from store: any ContentStore, to path: FilePath) async throws {
    let bytes = try await store.fetch(descriptor).verified(as: descriptor)
    let file = try await IOExecutor.run { try OpenFile.creating(path) }
    do {
      for try await chunk in bytes { try await IOExecutor.run { try file.write(chunk.span) } }
    } catch {
      FileSystem.removeFile(path)
      throw error
    }
  }
}

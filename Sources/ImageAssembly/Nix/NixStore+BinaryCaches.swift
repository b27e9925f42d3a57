public import LayerGraph
public import SystemPackage

/// Questions that binary caches answer where the Nix of this machine cannot: it is not installed, or does not know the paths.
extension NixStore {
  /// The closure of store paths.
  /// - Throws: As `closure(of:)`, of Nix or of the caches.
  public func closure(of roots: [FilePath], orElse caches: BinaryCaches?) async throws -> StoreGraph {
    try await ask(caches) {
      try await closure(of: roots)
    } orElse: {
      try await $0.closure(of: roots)
    }
  }

  /// The hashes of store paths.
  /// - Throws: As `narHashes(of:)`, of Nix or of the caches.
  public func narHashes(of paths: [String], orElse caches: BinaryCaches?) async throws -> NarHashes {
    try await ask(caches) {
      try await narHashes(of: paths)
    } orElse: {
      try await $0.narHashes(of: paths)
    }
  }

  private func ask<Answer>(
    _ caches: BinaryCaches?, _ question: () async throws -> Answer,
    orElse cached: (BinaryCaches) async throws -> Answer
  ) async throws -> Answer {
    do { return try await question() } catch let error as AssemblyError
      where error.code == .nixUnavailable || error.code == .storePathMissing
    {
      guard let caches else { throw error }
      return try await cached(caches)
    }
  }
}

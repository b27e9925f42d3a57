import ImageAssembly
import LayerGraph
import OCICore
import SystemPackage

/// Asks about store paths: the installed Nix, and binary caches where it cannot tell.
struct StoreQuestions {
  let caches: BinaryCaches?

  func closure(of paths: [FilePath]) async throws -> StoreGraph {
    try await ask {
      try await NixStore().closure(of: paths)
    } orElse: {
      try await $0.closure(of: paths)
    }
  }

  func narHashes(of paths: [String]) async throws -> NarHashes {
    try await ask {
      try await NixStore().narHashes(of: paths)
    } orElse: {
      try await $0.narHashes(of: paths)
    }
  }

  private func ask<Answer>(
    _ nix: () async throws -> Answer, orElse cached: (BinaryCaches) async throws -> Answer
  ) async throws -> Answer {
    do { return try await nix() } catch let error as AssemblyError
      where error.code == .nixUnavailable || error.code == .storePathMissing
    {
      guard let caches else { throw error }
      return try await cached(caches)
    }
  }
}

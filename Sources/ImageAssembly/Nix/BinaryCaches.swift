public import LayerGraph
internal import OCICore
internal import Synchronization
public import SystemPackage
public import Tarball

/// Binary caches, asked in order: the first that has a store path, signed by somebody who is trusted, gives it. What they say
/// is asked for once.
public final class BinaryCaches: TreeSubstitute {
  /// How many questions are asked at a time.
  private static let width = 16
  /// The most store paths that a closure may have.
  private static let mostPaths = 1_000_000

  private struct Found {
    var info: NarInfo
    var cache: BinaryCache
    var isSigned: Bool
  }

  /// The caches.
  public let caches: [BinaryCache]
  private let known = Mutex<[String: Found]>([:])

  /// Puts caches together.
  public init(_ caches: [BinaryCache]) { self.caches = caches }

  /// What they are called together.
  private var names: String {
    caches.count == 1
      ? "the binary cache \(caches[0].name)" : "any of the binary caches \(caches.map(\.name).joined(separator: ", "))"
  }

  /// What is said of the store path that a path is, or is in; `nil` where no cache has it.
  /// - Throws: `AssemblyError.Code.untrustedStorePath` where none has it with a signature that counts; `invalidBinaryCache`;
  ///   what the caches' files throw.
  public func narInfo(of path: FilePath) async throws -> NarInfo? { try await find(path)?.info }

  private func find(_ path: FilePath) async throws -> Found? {
    guard let name = StorePath(in: path) else { return nil }
    if let known = known.withLock({ $0[name.text] }), known.info.storePath == name.path.string { return known }
    var untrusted: AssemblyError?
    for cache in caches {
      do {
        guard let info = try await cache.narInfo(of: name) else { continue }
        let found = Found(info: info, cache: cache, isSigned: info.isSigned(by: cache.trustedKeys))
        known.withLock { $0[name.text] = found }
        return found
      } catch let error as AssemblyError where error.code == .untrustedStorePath {
        untrusted = untrusted ?? error
      }
    }
    if let untrusted { throw untrusted }
    return nil
  }

  /// The archive of the store path that a path is, or is in.
  /// - Throws: As `narInfo(of:)`.
  public func archive(of path: FilePath) async throws -> StoreArchive? {
    try await find(path).map { $0.cache.archive($0.info) }
  }

  /// Whether somebody who is trusted is known to have signed it.
  public func isImmutable(_ path: FilePath) -> Bool {
    guard let name = StorePath(in: path), let found = known.withLock({ $0[name.text] }) else { return false }
    return found.info.storePath == name.path.string && found.isSigned
  }

  // MARK: Closures

  /// The closure of store paths, by what the caches say of them: they, and everything they refer to, directly or not.
  /// - Throws: As `narInfo(of:)`; `AssemblyError.Code.storePathMissing` for a path that no cache has.
  public func closure(of roots: [FilePath]) async throws -> StoreGraph {
    var nodes: [StoreGraph.Node] = []
    var referrers: [String: String] = [:]
    var open: [String] = []
    for root in roots {
      let path = try storePath(root).path.string
      if referrers.updateValue("", forKey: path) == nil { open.append(path) }
    }
    while !open.isEmpty {
      let asked = referrers
      let infos = try await open.concurrentMap(width: Self.width) { path in
        try await self.required(path, referrer: asked[path] ?? "")
      }
      open = []
      for info in infos {
        nodes.append(StoreGraph.Node(path: info.storePath, size: info.narSize, references: info.references))
        for reference in info.references where referrers.updateValue(info.storePath, forKey: reference) == nil {
          open.append(reference)
        }
      }
      guard referrers.count <= Self.mostPaths else {
        throw AssemblyError(.invalidClosure, "the closure has more than \(Self.mostPaths) store paths")
      }
    }
    return try StoreGraph(closure: nodes, name: roots.map(\.string).joined(separator: " "))
  }

  /// The hashes of store paths, as the caches have them.
  /// - Throws: As `closure(of:)`.
  public func narHashes(of paths: [String]) async throws -> NarHashes {
    let infos = try await paths.concurrentMap(width: Self.width) { try await self.required($0, referrer: "") }
    return NarHashes(Dictionary(infos.map { ($0.storePath, "\($0.narHash)") }) { first, _ in first })
  }

  private func storePath(_ path: FilePath) throws(AssemblyError) -> StorePath {
    // A link of this machine, such as Nix's `result`, may lead to what it lacks.
    guard let name = StorePath(in: path) ?? FileSystem.linkTarget(of: path).flatMap({ StorePath(in: $0) }) else {
      throw AssemblyError(
        .storePathMissing, "'\(path)' is not on this machine, and no store path that a binary cache could have")
    }
    return name
  }

  private func required(_ path: String, referrer: String) async throws -> NarInfo {
    if let info = try await narInfo(of: FilePath(path)) { return info }
    let who = referrer.isEmpty ? "" : ", to which '\(referrer)' refers,"
    throw AssemblyError(
      .storePathMissing,
      "'\(path)'\(who) is not in \(names); have it uploaded, or name the cache that has it")
  }
}

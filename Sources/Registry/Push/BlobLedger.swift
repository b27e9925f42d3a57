internal import OCICore

/// Which repositories have which blobs, as far as this client has seen, and which blobs are on their way: so that one that
/// many images share goes to a registry once.
actor BlobLedger {
  /// Blobs at one registry, or in one repository where blobs cannot be mounted.
  struct Lane: Hashable, Sendable {
    var origin: RegistryURL
    var repository: String?
    var digest: Digest
  }

  /// What is known about a repository as a whole.
  enum Knowledge: Sendable {
    case unknown
    /// It lacks the tag that was asked for.
    case likelyEmpty
    /// It lacks a blob, too.
    case empty
    /// It has something.
    case populated
  }

  private struct Place: Hashable {
    var origin: RegistryURL
    var digest: Digest
  }

  private struct Repository: Hashable {
    var origin: RegistryURL
    var name: String
  }

  /// How many places are remembered; a client that lives long must not grow for ever.
  private static let limit = 200_000

  private var holders: [Place: [String]] = [:]
  private var knowledge: [Repository: Knowledge] = [:]
  private var busy: [Lane: [(id: Int, continuation: CheckedContinuation<Bool, Never>)]] = [:]
  private var nextID = 0

  // MARK: Lanes

  /// Runs an operation on a blob while no other does; tells it whether it had to wait for one.
  nonisolated func run<Result: Sendable>(
    _ lane: Lane, _ operation: (_ hasWaited: Bool) async throws -> Result
  ) async throws -> Result {
    guard let hasWaited = await enter(lane) else { throw CancellationError() }
    do {
      let result = try await operation(hasWaited)
      await leave(lane)
      return result
    } catch {
      await leave(lane)
      throw error
    }
  }

  /// Waits for the lane; `nil` when our task is cancelled.
  private func enter(_ lane: Lane) async -> Bool? {
    guard busy[lane] != nil else {
      busy[lane] = []
      return false
    }
    nextID += 1
    let id = nextID
    let isOurs = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if Task.isCancelled {
          continuation.resume(returning: false)
        } else {
          busy[lane, default: []].append((id, continuation))
        }
      }
    } onCancel: {
      Task { await self.giveUp(lane, id) }
    }
    return isOurs ? true : nil
  }

  private func giveUp(_ lane: Lane, _ id: Int) {
    guard let index = busy[lane]?.firstIndex(where: { $0.id == id }) else { return }
    busy[lane]?.remove(at: index).continuation.resume(returning: false)
  }

  private func leave(_ lane: Lane) {
    if busy[lane]?.isEmpty == false {
      busy[lane]?.removeFirst().continuation.resume(returning: true)
    } else {
      busy[lane] = nil
    }
  }

  // MARK: Who has what

  /// Remembers that a repository has blobs.
  func note(_ digests: some Sequence<Digest>, at endpoint: Endpoint) {
    for digest in digests {
      let place = Place(origin: endpoint.base.origin, digest: digest)
      if holders[place]?.contains(endpoint.name) == true { continue }
      if holders.count >= Self.limit { holders = [:] }
      holders[place, default: []].append(endpoint.name)
    }
  }

  /// Whether a repository was seen to have a blob.
  func has(_ digest: Digest, at endpoint: Endpoint) -> Bool {
    holders[Place(origin: endpoint.base.origin, digest: digest)]?.contains(endpoint.name) == true
  }

  /// The other repositories of a registry that were seen to have a blob.
  func sources(of digest: Digest, for endpoint: Endpoint) -> [String] {
    (holders[Place(origin: endpoint.base.origin, digest: digest)] ?? []).filter { $0 != endpoint.name }
  }

  // MARK: What is known of a repository

  func knowledge(of endpoint: Endpoint) -> Knowledge {
    knowledge[Repository(origin: endpoint.base.origin, name: endpoint.name)] ?? .unknown
  }

  /// Remembers that a tag or a manifest is there, or is not.
  func noteManifest(isThere: Bool, at endpoint: Endpoint) {
    let repository = Repository(origin: endpoint.base.origin, name: endpoint.name)
    if isThere {
      knowledge[repository] = .populated
    } else if knowledge[repository] == nil {
      knowledge[repository] = .likelyEmpty
    }
  }

  /// Remembers that a blob that nobody has pushed through this client is there, or is not.
  func noteBlob(isThere: Bool, at endpoint: Endpoint) {
    let repository = Repository(origin: endpoint.base.origin, name: endpoint.name)
    if isThere {
      knowledge[repository] = .populated
    } else if knowledge[repository] == .likelyEmpty {
      knowledge[repository] = .empty
    }
  }
}

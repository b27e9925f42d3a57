internal import Synchronization

/// A store that keeps everything in memory: for tests, and for images small enough.
///
/// A store object is one write session over contents that it shares with every `writer()` made of it.
public final class MemoryStore: TagStore, ReferrerStore {
  private let contents: Contents
  private let session = Mutex(Session())

  private struct Session {
    var isOpen = false
    var newBlobs: [Digest] = []
    /// How many publications there had been when the session began.
    var firstGeneration = 0
  }

  private final class Contents: Sendable {
    struct State {
      var blobs: [Digest: [UInt8]] = [:]
      /// Those of the blobs that are manifests.
      var manifests: [Digest: MediaType] = [:]
      var tags: [String: Descriptor] = [:]
      var openSessions = 0
      var generation = 0

      func has(_ descriptor: Descriptor) -> Bool {
        guard let bytes = blobs[descriptor.digest] else { return false }
        return !descriptor.hasSize || Int64(bytes.count) == descriptor.size
      }
    }
    let state = Mutex(State())
  }

  /// Creates an empty store.
  public convenience init() { self.init(Contents()) }

  private init(_ contents: Contents) { self.contents = contents }

  deinit { _ = endSession() }

  /// The same contents with a write session of its own.
  public func writer() -> MemoryStore { MemoryStore(contents) }

  /// The tags, in the order of their bytes.
  public var tags: [String] { contents.state.withLock { $0.tags.keys.sorted(by: byteOrder) } }

  /// The digests of everything that is there, in order.
  public var digests: [Digest] { contents.state.withLock { $0.blobs.keys.sorted() } }

  // MARK: ContentStore

  /// Whether the store has a blob of this digest and size.
  public func exists(_ descriptor: Descriptor) async throws -> Bool {
    contents.state.withLock { $0.has(descriptor) }
  }

  /// The content, verified while it is read.
  public func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
    guard let bytes = contents.state.withLock({ $0.blobs[descriptor.digest] }) else {
      throw OCIError(.notFound, "there is no blob \(descriptor.digest)")
    }
    return ByteStream(bytes).verified(as: descriptor)
  }

  /// Takes content that is what the descriptor says.
  public func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
    var bytes: [UInt8] = []
    for try await chunk in try await source.open().verified(as: descriptor) {
      try Task.checkCancellation()
      bytes += chunk
    }
    add(descriptor, bytes)
  }

  private func add(_ descriptor: Descriptor, _ bytes: [UInt8]) {
    session.withLock { session in
      contents.state.withLock { state in
        if !session.isOpen {
          session = Session(isOpen: true, firstGeneration: state.generation)
          state.openSessions += 1
        }
        if state.blobs.updateValue(bytes, forKey: descriptor.digest) == nil {
          session.newBlobs.append(descriptor.digest)
        }
        if descriptor.mediaType.isManifest { state.manifests[descriptor.digest] = descriptor.mediaType }
      }
    }
  }

  // MARK: TagStore

  /// The manifest that a tag names.
  public func resolve(_ tag: String) async throws -> Descriptor? { contents.state.withLock { $0.tags[tag] } }

  /// Stores a manifest, whose blobs must be there, and moves the tags to it.
  public func publish(_ manifest: Descriptor, bytes: [UInt8], tags: [String]) async throws {
    for tag in tags { try ImageLayoutStore.validate(name: tag) }
    try manifest.verify(bytes)
    let children = try AnyManifest(parsing: bytes, as: manifest.mediaType).children
    add(manifest, bytes)
    try contents.state.withLock { state throws(OCIError) in
      if let missing = children.first(where: { !$0.isElsewhere && !state.has($0) }) {
        throw OCIError(.notFound, "the store lacks blob \(missing.digest) of \(manifest.digest)")
      }
      for tag in tags { state.tags[tag] = manifest }
      state.generation += 1
    }
    _ = endSession()
  }

  /// Removes what was written since the last `publish`, unless another session may rely on it.
  public func rollBack() async {
    let ended = endSession()
    contents.state.withLock { state in
      guard state.openSessions == 0, state.generation == ended.firstGeneration else { return }
      for digest in ended.newBlobs {
        state.blobs[digest] = nil
        state.manifests[digest] = nil
      }
    }
  }

  private func endSession() -> Session {
    session.withLock { session in
      defer { session = Session() }
      if session.isOpen { contents.state.withLock { $0.openSessions -= 1 } }
      return session
    }
  }

  // MARK: ReferrerStore

  /// The manifests whose subject is the one given.
  public func referrers(of subject: Descriptor, artifactType: MediaType?) async throws -> [Descriptor] {
    let manifests = contents.state.withLock { state in
      state.manifests.map { ($0.key, $0.value, state.blobs[$0.key] ?? []) }
    }
    var found: [Descriptor] = []
    for (digest, mediaType, bytes) in manifests {
      guard let manifest = try? AnyManifest(parsing: bytes, as: mediaType), manifest.subject?.digest == subject.digest
      else { continue }
      found.append(manifest.referrer(Descriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count))))
    }
    return found.selected(artifactType)
  }
}

extension [Descriptor] {
  /// Referrers of one type, in the order of their digests.
  package func selected(_ artifactType: MediaType?) -> [Descriptor] {
    filter { artifactType == nil || $0.artifactType == artifactType }.sorted { $0.digest < $1.digest }
  }
}

/// One copy: walks the graph below its roots and decides what comes next. All state is here, in one task; the steps run in
/// child tasks, at most as many as the options allow.
///
/// Manifests that wait for their children are held in memory, so new ones are read only when there is no blob left to copy,
/// and few at a time, however many an index lists.
struct CopyRun {
  private typealias Role = CopyTransfer.Role

  /// A registry keeps manifests and blobs apart, so the same bytes may have to go both ways.
  private struct Key: Hashable {
    var digest: Digest
    var isManifest: Bool

    init(_ descriptor: Descriptor) {
      digest = descriptor.digest
      isManifest = descriptor.mediaType.isManifest
    }
  }

  private enum State {
    case waiting, started, done
  }

  private enum Step: Sendable {
    case read(Manifest)
    case copy(Descriptor, parent: Digest?)
    case place(Descriptor, [UInt8], Role)
  }

  private enum Outcome: Sendable {
    case read(Manifest, AnyManifest, [UInt8])
    case copied(Descriptor)
    case skipped(Descriptor)
  }

  private struct Manifest: Sendable {
    var descriptor: Descriptor
    var role: Role
    var depth: Int
    /// The index that lists it.
    var parent: Digest?
  }

  /// A manifest that was read, and how many of its children are missing.
  private struct Held {
    var manifest: Manifest
    var bytes: [UInt8]
    var missing: Int
  }

  private let transfer: CopyTransfer
  private(set) var report = CopyReport()
  private var states: [Key: State] = [:]
  private var held: [Digest: Held] = [:]
  private var parents: [Key: [Digest]] = [:]
  private var ready: [Digest] = []
  private var blobs: [(blob: Descriptor, parent: Digest?)] = []
  private var unread: [Manifest] = []
  private var running = 0
  private var reading = 0
  /// The manifests met so far whose referrers are still to be asked for.
  private var subjects: [Descriptor] = []

  init(_ transfer: CopyTransfer) { self.transfer = transfer }

  /// Copies a root, all that is below it and, if asked for, what is about any of it.
  mutating func copy(_ root: Descriptor) async throws {
    add(root, .root)
    try await work()
    guard let referrers = transfer.options.referrers else { return }
    while !subjects.isEmpty {
      let asked = subjects
      subjects = []
      let found = try await asked.concurrentMap(width: transfer.options.concurrency) {
        try await referrers.referrers(of: $0, artifactType: nil)
      }
      for referrer in found.joined() where states[Key(referrer)] == nil { add(referrer, .referrer) }
      try await work()
    }
  }

  /// Whether all the tags, of which there is one, name a root already. After the first that does not, no more are asked
  /// about: moving one costs no more.
  mutating func isNamed(_ root: Descriptor, by tags: [String], in store: some TagStore) async throws -> Bool {
    for tag in tags where try await store.resolve(tag)?.digest != root.digest { return false }
    guard !tags.isEmpty else { return false }
    transfer.onEvent(.skipped(root, .exists))
    report.skipped.append(root)
    return true
  }

  /// Publishes a root that the destination has, so that nothing below it is looked at; `false` where it has not, or has lost
  /// something.
  mutating func publishIfPresent(_ root: Descriptor) async throws -> Bool {
    guard try await transfer.destination.exists(root) else { return false }
    let bytes = try await transfer.source.manifest(root).bytes
    do {
      try await transfer.place(root, bytes, .root)
    } catch let error as OCIError where error.code == .notFound {
      return false
    }
    transfer.onEvent(.skipped(root, .exists))
    report.skipped.append(root)
    return true
  }

  private mutating func add(_ descriptor: Descriptor, _ role: Role) {
    states[Key(descriptor)] = .waiting
    if descriptor.mediaType.isManifest {
      unread.append(Manifest(descriptor: descriptor, role: role, depth: 0))
    } else {
      blobs.append((descriptor, nil))
    }
  }

  // MARK: The loop

  private mutating func work() async throws {
    try await withThrowingTaskGroup(of: Outcome.self) { group in
      while true {
        while running < transfer.options.concurrency, let step = nextStep() {
          running += 1
          group.addTask { [transfer] in try await Self.perform(step, transfer) }
        }
        guard let outcome = try await group.next() else { return }
        running -= 1
        try handle(outcome)
      }
    }
  }

  private mutating func nextStep() -> Step? {
    if let digest = ready.popLast(), let next = held[digest] {
      return .place(next.manifest.descriptor, next.bytes, next.manifest.role)
    }
    if let (blob, parent) = blobs.popLast() { return .copy(blob, parent: parent) }
    // The bound on what is held gives way where nothing else can move.
    let mayRead = held.count + reading < transfer.options.concurrency + AnyManifest.maximumDepth || running == 0
    while mayRead, let manifest = unread.popLast() {
      // One that another manifest needs too was put on the pile a second time.
      guard states[Key(manifest.descriptor)] == .waiting else { continue }
      states[Key(manifest.descriptor)] = .started
      reading += 1
      return .read(manifest)
    }
    return nil
  }

  private static func perform(_ step: Step, _ transfer: CopyTransfer) async throws -> Outcome {
    switch step {
    case .read(let manifest):
      let (document, bytes) = try await transfer.read(manifest.descriptor, of: manifest.parent)
      return .read(manifest, document, bytes)
    case .copy(let blob, let parent):
      return try await transfer.copy(blob, of: parent) ? .copied(blob) : .skipped(blob)
    case .place(let manifest, let bytes, let role):
      return try await transfer.copy(manifest, bytes, role) ? .copied(manifest) : .skipped(manifest)
    }
  }

  private mutating func handle(_ outcome: Outcome) throws {
    switch outcome {
    case .read(let manifest, let document, let bytes):
      reading -= 1
      try expand(manifest, document, bytes)
    case .copied(let descriptor):
      report.copied.append(descriptor)
      finish(descriptor)
    case .skipped(let descriptor):
      report.skipped.append(descriptor)
      finish(descriptor)
    }
  }

  /// Queues the children of a manifest that nobody has queued yet.
  private mutating func expand(_ manifest: Manifest, _ document: AnyManifest, _ bytes: [UInt8]) throws {
    let digest = manifest.descriptor.digest
    var missing: Set<Key> = []
    // In reverse, because the piles give the last first.
    for child in document.children.reversed() {
      let key = Key(child)
      guard states[key] != .done, !missing.contains(key) else { continue }
      if child.isElsewhere, !transfer.options.includesForeignLayers {
        states[key] = .done
        report.skipped.append(child)
        transfer.onEvent(.skipped(child, .foreign))
        continue
      }
      missing.insert(key)
      parents[key, default: []].append(digest)
      let isNew = states[key] == nil
      if isNew { states[key] = .waiting }
      if !key.isManifest {
        if isNew { blobs.append((child, digest)) }
      } else if states[key] == .waiting {
        guard manifest.depth < AnyManifest.maximumDepth else {
          throw OCIError(
            .limitExceeded, "index \(digest) is nested more than \(AnyManifest.maximumDepth) levels deep")
        }
        // On top of the pile, even where it is further down: this manifest is held until that one is done.
        unread.append(Manifest(descriptor: child, role: .child, depth: manifest.depth + 1, parent: digest))
      }
    }
    held[digest] = Held(manifest: manifest, bytes: bytes, missing: missing.count)
    if missing.isEmpty { ready.append(digest) }
    if transfer.options.referrers != nil { subjects.append(manifest.descriptor) }
  }

  private mutating func finish(_ descriptor: Descriptor) {
    let key = Key(descriptor)
    states[key] = .done
    if key.isManifest { held[descriptor.digest] = nil }
    for parent in parents.removeValue(forKey: key) ?? [] {
      held[parent]?.missing -= 1
      if held[parent]?.missing == 0 { ready.append(parent) }
    }
  }
}

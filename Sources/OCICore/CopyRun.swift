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
    case place(Descriptor, [UInt8], Role, isMissing: Bool)
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
    /// Whether the destination is known to lack it: it lacked something that the manifest needs.
    var isAbsent: Bool
  }

  private let transfer: CopyTransfer
  private(set) var report = CopyReport()
  private var states: [Key: State] = [:]
  private var held: [Digest: Held] = [:]
  private var parents: [Key: [Digest]] = [:]
  private var ready: [Digest] = []
  private var blobs: [(blob: Descriptor, parent: Digest?)] = []
  private var unread: [Manifest] = []
  /// Manifests that the destination is known to lack.
  private var absent: Set<Digest> = []
  private var running = 0
  private var reading = 0
  /// The manifests met so far whose referrers are still to be asked for.
  private var subjects: [Descriptor] = []

  init(_ transfer: CopyTransfer) { self.transfer = transfer }

  /// Copies a root, all that is below it and, if asked for, what is about any of it.
  mutating func copy(_ root: Descriptor) async throws {
    add(root, .root(tags: report.movedTags))
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

  /// What the tags of a copy name before it.
  enum TagState {
    /// All of them name the root.
    case named
    /// The first that does not name the root names nothing.
    case absent
    /// One names something else, or there is no tag.
    case other
  }

  /// Looks at what the tags name. After the first that does not name the root, no more are asked about: moving one costs no
  /// more.
  mutating func look(at tags: [String], of root: Descriptor, in store: some TagStore) async throws -> TagState {
    for (number, tag) in tags.enumerated() {
      let named = try await store.resolve(tag)
      guard named?.digest == root.digest else {
        report.movedTags = Array(tags[number...])
        return named == nil ? .absent : .other
      }
      report.unchangedTags.append(tag)
      transfer.onEvent(.tagged(tag, root, changed: false))
    }
    guard !tags.isEmpty else { return .other }
    if transfer.options.referrers == nil {
      transfer.onEvent(.skipped(root, .exists))
      report.skipped.append(root)
    }
    return .named
  }

  /// Copies the smallest layer of an image; `false` when it was missing, and the root with it. A store that vouches for
  /// what is below a manifest need not be asked for the manifest then.
  mutating func mayBeThere(_ root: Descriptor) async throws -> Bool {
    guard !root.mediaType.isIndex, case .manifest(let manifest) = try await transfer.source.manifest(root).manifest,
      let smallest = manifest.layers.filter({ !$0.isElsewhere && !$0.mediaType.isManifest }).min(by: {
        $0.size < $1.size
      })
    else { return true }
    transfer.onEvent(.queued(smallest))
    let outcome = try await transfer.copy(smallest, of: root.digest)
    states[Key(smallest)] = .done
    if outcome == .sent { report.copied.append(smallest) } else { report.skipped.append(smallest) }
    if outcome != .existed { absent.insert(root.digest) }
    return outcome == .existed
  }

  /// Publishes a root that the destination has, so that nothing below it is looked at; `false` where it has not, or has lost
  /// something.
  mutating func publishIfPresent(_ root: Descriptor, isKnown: Bool) async throws -> Bool {
    if !isKnown {
      guard try await transfer.destination.exists(root) else {
        absent.insert(root.digest)
        return false
      }
    }
    let bytes = try await transfer.source.manifest(root).bytes
    do {
      try await transfer.place(root, bytes, .root(tags: report.movedTags))
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
      return .place(next.manifest.descriptor, next.bytes, next.manifest.role, isMissing: next.isAbsent)
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
      return try await transfer.copy(blob, of: parent) == .sent ? .copied(blob) : .skipped(blob)
    case .place(let manifest, let bytes, let role, let isMissing):
      let isNew = try await transfer.copy(manifest, bytes, role, isMissing: isMissing)
      return isNew ? .copied(manifest) : .skipped(manifest)
    }
  }

  private mutating func handle(_ outcome: Outcome) throws {
    switch outcome {
    case .read(let manifest, let document, let bytes):
      reading -= 1
      try expand(manifest, document, bytes)
    case .copied(let descriptor):
      report.copied.append(descriptor)
      for parent in parents[Key(descriptor)] ?? [] { held[parent]?.isAbsent = true }
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
    var added: [Descriptor] = []
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
        if isNew { added.append(child) }
      } else if states[key] == .waiting {
        guard manifest.depth < AnyManifest.maximumDepth else {
          throw OCIError(
            .limitExceeded, "index \(digest) is nested more than \(AnyManifest.maximumDepth) levels deep")
        }
        // On top of the pile, even where it is further down: this manifest is held until that one is done.
        unread.append(Manifest(descriptor: child, role: .child, depth: manifest.depth + 1, parent: digest))
      }
    }
    // The largest first, so that no large one is left running alone at the end.
    added.sort { ($0.size, $0.digest) < ($1.size, $1.digest) }
    blobs += added.map { ($0, digest) }
    for blob in added { transfer.onEvent(.queued(blob)) }
    held[digest] = Held(manifest: manifest, bytes: bytes, missing: missing.count, isAbsent: absent.contains(digest))
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

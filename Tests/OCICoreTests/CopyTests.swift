import OCICore
import OCITesting
import Synchronization
import SystemPackage
import Testing

/// A copy brings all that is needed, once, children first, and nothing half.
struct CopyTests {
  /// A destination that checks what it is given, and when.
  private final class Watching: TagStore {
    let store = MemoryStore()
    let children: [Digest: [Digest]]
    private let state = Mutex(State())

    private struct State {
      var running = 0
      var most = 0
      var pushed: [Digest] = []
      var published: [[String]] = []
      var complaints: [String] = []
    }

    init(_ children: [Digest: [Digest]]) { self.children = children }

    var most: Int { state.withLock(\.most) }
    var pushed: [Digest] { state.withLock(\.pushed) }
    var published: [[String]] { state.withLock(\.published) }
    var complaints: [String] { state.withLock(\.complaints) }

    func exists(_ descriptor: Descriptor) async throws -> Bool { try await store.exists(descriptor) }
    func fetch(_ descriptor: Descriptor) async throws -> ByteStream { try await store.fetch(descriptor) }
    func resolve(_ tag: String) async throws -> Descriptor? { try await store.resolve(tag) }

    func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
      begin(descriptor.digest)
      defer { state.withLock { $0.running -= 1 } }
      try await Task.sleep(for: .microseconds(200))
      try await store.push(descriptor, from: source)
    }

    func publish(_ manifest: Descriptor, bytes: [UInt8], tags: [String]) async throws {
      if !store.digests.contains(manifest.digest) { begin(manifest.digest) } else { state.withLock { $0.running += 1 } }
      defer {
        state.withLock {
          $0.running -= 1
          $0.published.append(tags)
        }
      }
      try await store.publish(manifest, bytes: bytes, tags: tags)
    }

    private func begin(_ digest: Digest) {
      let missing = (children[digest] ?? []).filter { !store.digests.contains($0) }
      state.withLock { state in
        state.running += 1
        state.most = max(state.most, state.running)
        if state.pushed.contains(digest) { state.complaints.append("\(digest) is pushed twice") }
        if !missing.isEmpty { state.complaints.append("\(digest) is pushed before \(missing)") }
        state.pushed.append(digest)
      }
    }
  }

  private static let seeds: [UInt64] = Array(0..<60)

  @Test(arguments: seeds) func everythingBelowTheRootArrivesOnceAndChildrenFirst(seed: UInt64) async throws {
    let source = MemoryStore()
    let graph = try await RandomGraph.make(seed: seed, in: source)
    let destination = Watching(graph.children)
    let concurrency = Int(seed % 5) + 1
    let report = try await copy(
      graph.root, from: source, to: destination, tags: ["a", "b"], options: .init(concurrency: concurrency))
    #expect(Set(destination.store.digests) == graph.reachable)
    #expect(destination.complaints == [])
    #expect(destination.most <= concurrency)
    #expect(try await destination.resolve("a") == graph.root)
    #expect(try await destination.resolve("b") == graph.root)
    #expect(Set(report.copied.map(\.digest)) == graph.reachable)
    #expect(report.copied.count == graph.reachable.count)
    // Once more: nothing is pushed.
    let again = try await copy(graph.root, from: source, to: destination, tags: ["a"])
    #expect(again.copied == [])
    #expect(destination.pushed.count == graph.reachable.count)
  }

  @Test(arguments: seeds) func whatIsAboutTheImageComesAlongWhenAskedFor(seed: UInt64) async throws {
    let source = MemoryStore()
    let graph = try await RandomGraph.make(seed: seed, in: source)
    let destination = Watching(graph.children)
    try await copy(graph.root, from: source, to: destination, tags: ["a"], options: .init(referrers: source))
    #expect(Set(destination.store.digests) == graph.reachable.union(graph.referring))
    #expect(destination.complaints == [])
    // The tag is last.
    #expect(destination.published.last == ["a"])
    #expect(destination.published.dropLast().allSatisfy { $0.isEmpty })
  }

  @Test(arguments: seeds.prefix(12)) func storesOfEveryKindCopyToEachOther(seed: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      let memory = MemoryStore()
      let graph = try await RandomGraph.make(seed: seed, in: memory)
      let layout = ImageLayoutStore(directory.appending("a"))
      try await copy(graph.root, from: memory, to: layout, tags: ["x"], options: .init(referrers: memory))
      #expect(try await layout.resolve("x") == graph.root)
      #expect(try await layout.validate().filter { $0.code != .missing && $0.severity == .error } == [])
      let second = ImageLayoutStore(directory.appending("b"))
      try await copy(graph.root, from: layout, to: second, tags: ["y"], options: .init(referrers: layout))
      let back = MemoryStore()
      try await copy(graph.root, from: second, to: back, options: .init(referrers: second))
      #expect(Set(back.digests) == graph.reachable.union(graph.referring))
      #expect(try await second.collectGarbage().blobs == [])
    }
  }

  @Test func aSingleBlobIsCopiedToo() async throws {
    let (source, destination) = (MemoryStore(), MemoryStore())
    let blob = Descriptor(mediaType: .layerTar, describing: [1, 2, 3])
    try await source.push(blob, from: BlobSource([1, 2, 3]))
    func asContentStore(_ store: some ContentStore) async throws {
      #expect(try await copy(blob, from: source, to: store).copied == [blob])
      #expect(try await copy(blob, from: source, to: store).skipped == [blob])
    }
    try await asContentStore(destination)
    await #expect(throws: OCIError.self) { try await copy(blob, from: source, to: destination, tags: ["a"]) }
  }

  @Test func eventsTellWhatHappens() async throws {
    let (source, destination) = (MemoryStore(), MemoryStore())
    let image = SampleImage(seed: 1)
    try await image.push(to: source, tags: ["a"])
    let events = Mutex<[CopyEvent]>([])
    try await copy(image.manifest, from: source, to: destination, tags: ["z"]) { event in
      events.withLock { $0.append(event) }
    }
    let all = events.withLock { $0 }
    for blob in image.blobs {
      let mine = all.compactMap { event -> String? in
        switch event {
        case .started(blob.descriptor): "started"
        case .progress(blob.descriptor, let bytes): "\(bytes)"
        case .copied(blob.descriptor): "copied"
        default: nil
        }
      }
      #expect(mine.first == "started")
      #expect(mine.dropLast().last == "\(blob.bytes.count)")
      #expect(mine.last == "copied")
    }
    #expect(all.last == .tagged("z", image.manifest, changed: true))
    #expect(all.contains(.copied(image.manifest)))
  }

  // MARK: What goes wrong

  /// Fails or hangs at one blob.
  private struct Faulty: ContentStore {
    let store: MemoryStore
    let fault: Digest
    var hangs = false
    let reached = Gate()

    struct Failure: Error {}

    final class Gate: Sendable {
      private let isOpen = Mutex(false)
      func open() { isOpen.withLock { $0 = true } }
      func wait() async throws {
        while !isOpen.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
      }
    }

    func exists(_ descriptor: Descriptor) async throws -> Bool { try await store.exists(descriptor) }
    func push(_ descriptor: Descriptor, from source: BlobSource) async throws {}
    func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
      guard descriptor.digest == fault else { return try await store.fetch(descriptor) }
      reached.open()
      if hangs { try await Task.sleep(for: .seconds(600)) }
      throw Failure()
    }
  }

  @Test(arguments: [false, true]) func aFailureOrCancellationLeavesTheOldTagAndNothingHalf(hangs: Bool) async throws {
    try await withTemporaryDirectory { directory in
      let memory = MemoryStore()
      let (old, new) = (SampleImage(seed: 1), SampleImage(seed: 2, layerSizes: [500, 600, 700]))
      try await new.push(to: memory, tags: [])
      let layout = ImageLayoutStore(directory)
      try await old.push(to: layout, tags: ["latest"])
      let before = try FileSystemSnapshot(directory)
      let source = Faulty(store: memory, fault: new.blobs[2].descriptor.digest, hangs: hangs)
      let task = Task { try await copy(new.manifest, from: source, to: layout, tags: ["latest"]) }
      try await source.reached.wait()
      if hangs { task.cancel() }
      let result = await task.result
      #expect(throws: (any Error).self) { try result.get() }
      if hangs { #expect(throws: CancellationError.self) { try result.get() } }
      #expect(try await layout.resolve("latest") == old.manifest)
      #expect(try FileSystemSnapshot(directory) == before)
    }
  }

  /// Names and sizes of all files.
  private struct FileSystemSnapshot: Equatable {
    let files: [String]
    init(_ path: FilePath) throws { files = try Self.list(path).sorted() }
    private static func list(_ path: FilePath) throws -> [String] {
      try TestFiles.names(in: path).flatMap { name -> [String] in
        let inner = path.appending(name)
        return TestFiles.isDirectory(inner) ? try list(inner) : [inner.string]
      }
    }
  }

  @Test func whatIsMissingInTheSourceIsNamedWithItsManifest() async throws {
    let (source, destination) = (MemoryStore(), MemoryStore())
    let image = SampleImage(seed: 3)
    for blob in image.blobs.dropLast() { try await source.push(blob.descriptor, from: BlobSource(blob.bytes)) }
    try await source.push(image.manifest, from: BlobSource(image.manifestBytes))
    let error = await #expect(throws: OCIError.self) {
      try await copy(image.manifest, from: source, to: destination, tags: ["a"])
    }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains(image.blobs[2].descriptor.digest.description) == true)
    #expect(error?.message.contains(image.manifest.digest.description) == true)
    #expect(destination.digests == [])
    #expect(destination.tags == [])
  }

  private func nested(levels: Int, in store: MemoryStore) async throws -> Descriptor {
    let image = SampleImage(seed: 5)
    try await image.push(to: store, tags: [])
    var root = image.manifest
    for _ in 0..<levels {
      // Each level many times: a walk that visits all of them would never end.
      let bytes = ImageIndex(manifests: Array(repeating: root, count: 500)).canonicalBytes
      root = Descriptor(mediaType: .imageIndex, describing: bytes)
      try await store.push(root, from: BlobSource(bytes))
    }
    return root
  }

  @Test func nestingIsBoundedAndRepetitionIsFree() async throws {
    try await withTemporaryDirectory { directory in
      let source = MemoryStore()
      let deepest = try await nested(levels: AnyManifest.maximumDepth, in: source)
      let layout = ImageLayoutStore(directory)
      try await copy(deepest, from: source, to: layout, tags: ["a"])
      #expect(try await layout.resolve("a") == deepest)
      #expect(try await layout.collectGarbage().blobs == [])
      let tooDeep = try await nested(levels: AnyManifest.maximumDepth + 1, in: source)
      let error = await #expect(throws: OCIError.self) {
        try await copy(tooDeep, from: source, to: layout, tags: ["b"])
      }
      #expect(error?.code == .limitExceeded)
      #expect(try await layout.resolve("b") == nil)
    }
  }

  @Test func oneManifestThatManyIndexesNeedDoesNotStopTheCopy() async throws {
    // The first entry is read last; all the indexes before it wait for it.
    let (source, destination) = (MemoryStore(), MemoryStore())
    let shared = SampleImage(seed: 6)
    try await shared.push(to: source, tags: [])
    var entries = [shared.manifest]
    for number in 0..<100 {
      let bytes = ImageIndex(manifests: [shared.manifest], annotations: ["n": "\(number)"]).canonicalBytes
      let index = Descriptor(mediaType: .imageIndex, describing: bytes)
      try await source.push(index, from: BlobSource(bytes))
      entries.append(index)
    }
    for order in [entries, entries.reversed()] {
      let bytes = ImageIndex(manifests: order).canonicalBytes
      let root = Descriptor(mediaType: .imageIndex, describing: bytes)
      try await source.push(root, from: BlobSource(bytes))
      for concurrency in [1, 4] {
        try await copy(root, from: source, to: destination.writer(), options: .init(concurrency: concurrency))
        #expect(destination.digests.contains(root.digest))
      }
    }
  }

  @Test func aManifestThatSaysItIsSomethingElseIsRefused() async throws {
    let (source, destination) = (MemoryStore(), MemoryStore())
    let image = SampleImage(seed: 7)
    try await image.push(to: source, tags: [])
    var lying = image.manifest
    lying.mediaType = .dockerManifest
    let error = await #expect(throws: OCIError.self) { try await copy(lying, from: source, to: destination, tags: []) }
    #expect(error?.code == .invalidDocument)
  }

  @Test func layersThatMayNotBeDistributedStayWhereTheyAre() async throws {
    let (source, destination) = (MemoryStore(), MemoryStore())
    let config = Descriptor(mediaType: .imageConfiguration, describing: Array("{}".utf8))
    try await source.push(config, from: BlobSource(Array("{}".utf8)))
    let foreign = Descriptor(
      mediaType: .nondistributableLayerTar, digest: .of([9]), size: 1, urls: ["https://example.com/layer"])
    let bytes = ImageManifest(config: config, layers: [foreign]).canonicalBytes
    let manifest = Descriptor(mediaType: .imageManifest, describing: bytes)
    try await source.publish(manifest, bytes: bytes, tags: [])
    let report = try await copy(manifest, from: source, to: destination, tags: ["a"])
    #expect(report.skipped == [foreign])
    #expect(try await destination.resolve("a") == manifest)
    try await source.push(foreign, from: BlobSource([9]))
    let whole = MemoryStore()
    try await copy(manifest, from: source, to: whole, tags: ["a"], options: .init(includesForeignLayers: true))
    #expect(try await whole.exists(foreign))
  }

  @Test func contentInsideADescriptorNeedNotBeInTheSource() async throws {
    let (source, destination) = (MemoryStore(), MemoryStore())
    let bytes = ImageManifest(artifactType: .octetStream, config: .empty, layers: [.empty]).canonicalBytes
    let manifest = Descriptor(mediaType: .imageManifest, describing: bytes)
    try await source.push(manifest, from: BlobSource(bytes))
    try await copy(manifest, from: source, to: destination, tags: ["a"])
    #expect(try await destination.exists(.empty))
  }
}

import OCICore
import OCITesting

/// A random image graph in a store: nested indexes, manifests that share blobs, and manifests about others.
struct RandomGraph {
  /// The root: an index, or a manifest.
  var root: Descriptor
  /// Everything below the root, the root included.
  var reachable: Set<Digest> = []
  /// What is about anything of it, and what that needs, as far as it is not reachable itself.
  var referring: Set<Digest> = []
  /// The children of each manifest.
  var children: [Digest: [Digest]] = [:]

  private init(root: Descriptor) { self.root = root }

  static func make(seed: UInt64, in store: MemoryStore) async throws -> RandomGraph {
    var random = RandomDocuments(seed: seed)
    var graph = RandomGraph(root: .empty)
    var blobs: [Descriptor] = []
    for _ in 0..<8 {
      blobs.append(try await put(random.generator.bytes(random.number(5000)), .layerTar, in: store))
    }
    var manifests: [Descriptor] = []
    for _ in 0..<(1 + random.number(5)) {
      let layers = random.list { $0.pick(blobs) }
      let configuration = ImageConfiguration(platform: .init(architecture: "arm64"), diffIDs: layers.map(\.digest))
      let config = try await put(configuration.canonicalBytes, .imageConfiguration, in: store)
      manifests.append(try await graph.put(ImageManifest(config: config, layers: layers), .imageManifest, in: store))
    }
    for _ in 0..<random.number(4) {
      let entries = (0...random.number(4)).map { _ in random.pick(manifests) }
      manifests.append(try await graph.put(ImageIndex(manifests: entries), .imageIndex, in: store))
    }
    graph.root = manifests[manifests.count - 1]
    graph.reachable = graph.below(graph.root.digest)
    try await graph.addReferrers(&random, manifests, in: store)
    return graph
  }

  /// Some about what is reachable, some about these in turn, some about what is not.
  private mutating func addReferrers(
    _ random: inout RandomDocuments, _ manifests: [Descriptor], in store: MemoryStore
  ) async throws {
    var subjects = manifests
    for number in 0..<random.number(5) {
      let subject = random.pick(subjects)
      let layer = try await Self.put(random.generator.bytes(50), .octetStream, in: store)
      let config = try await Self.put(Array("{}".utf8), .empty, in: store)
      let referrer = try await put(
        ImageManifest(
          artifactType: .octetStream, config: config, layers: [layer], subject: subject, annotations: ["n": "\(number)"]
        ),
        .imageManifest, in: store)
      subjects.append(referrer)
      if reachable.contains(subject.digest) || referring.contains(subject.digest) {
        referring.formUnion(below(referrer.digest).subtracting(reachable))
      }
    }
  }

  private static func put(_ bytes: [UInt8], _ type: MediaType, in store: MemoryStore) async throws -> Descriptor {
    let descriptor = Descriptor(mediaType: type, describing: bytes)
    try await store.push(descriptor, from: BlobSource(bytes))
    return descriptor
  }

  private mutating func put(
    _ document: some ImageDocument, _ type: MediaType, in store: MemoryStore
  ) async throws -> Descriptor {
    let bytes = document.canonicalBytes
    let descriptor = try await Self.put(bytes, type, in: store)
    children[descriptor.digest] = try AnyManifest(parsing: bytes, as: type).children.map(\.digest)
    return descriptor
  }

  private func below(_ digest: Digest) -> Set<Digest> {
    var result: Set<Digest> = [digest]
    for child in children[digest] ?? [] { result.formUnion(below(child)) }
    return result
  }
}

public import OCICore
internal import Synchronization

/// An image to put layers on: its documents are read, its layers are not, until a destination that lacks one asks.
public struct BaseImage: Sendable {
  /// What it was asked for as, e.g. `docker://docker.io/library/caddy:2.10-alpine`.
  public let name: String
  /// What the name stood for: the manifest, or the index that has it.
  public let root: Descriptor
  /// The manifest of the image.
  public let manifest: ImageManifest
  /// The manifest's descriptor.
  public let descriptor: Descriptor
  /// The configuration.
  public let configuration: ImageConfiguration
  /// The layers and where they are.
  public let layers: BaseLayers
  /// What the annotations of the image on it call it; empty where it has no name that means anything elsewhere.
  public var reference: String

  /// Reads a base image.
  /// - Parameters:
  ///   - root: The manifest or index.
  ///   - store: Where it is; its layers are taken from there when a destination lacks them.
  ///   - name: What the base is called in annotations, and by which it is found again.
  ///   - platform: Which image of an index; without it the one for `linux/amd64`, whatever this machine is.
  /// - Throws: The store's errors; `OCIError.Code.notFound` where an index has nothing for the platform, `invalidDocument` where
  ///   the documents contradict each other.
  public init(_ root: Descriptor, in store: some ContentStore, name: String, platform: Platform? = nil) async throws {
    var descriptor = root
    var read = try await store.manifest(root).manifest
    for _ in 0..<AnyManifest.maximumDepth {
      guard case .index(let index) = read else { break }
      let wanted = platform ?? Platform(architecture: "amd64")
      guard let found = index.manifest(for: wanted) else {
        let has = index.manifests.compactMap { $0.platform.map { "\($0)" } }.joined(separator: ", ")
        throw OCIError(
          .notFound, "the base image '\(name)' has nothing for \(wanted); it has \(has.isEmpty ? "no platforms" : has)")
      }
      descriptor = found
      read = try await store.manifest(found).manifest
    }
    guard case .manifest(let manifest) = read, manifest.config.mediaType.isConfiguration else {
      throw OCIError(.invalidDocument, "the base image '\(name)' is no image that can be run")
    }
    let configuration = try await Document<ImageConfiguration>(fetching: manifest.config, from: store).value
    guard configuration.diffIDs.count == manifest.layers.count else {
      throw OCIError(
        .invalidDocument,
        "the base image '\(name)' has \(manifest.layers.count) layers, but its configuration tells of \(configuration.diffIDs.count)"
      )
    }
    if let platform, !platform.matches(configuration.platform) {
      throw OCIError(
        .platformMismatch,
        "the base image '\(name)' is for \(configuration.platform), not for \(platform); choose another")
    }
    self.name = name
    reference = name.hasPrefix("docker://") ? String(name.dropFirst("docker://".count)) : name
    self.root = root
    self.manifest = manifest
    self.descriptor = descriptor
    self.configuration = configuration
    layers = BaseLayers(
      name: name, root: root.digest, manifest: descriptor.digest,
      descriptors: manifest.layers.map { layer in
        var layer = layer
        // An image manifest lists what the image-spec defines; the bytes are the same.
        layer.mediaType = layer.mediaType.ociEquivalent
        return layer
      }, diffIDs: configuration.diffIDs
    ) { store }
  }

  /// What the image on it says of it (image-spec, annotations.md).
  var annotations: [String: String] {
    var annotations = [AnnotationKey.baseDigest: descriptor.digest.description]
    if !reference.isEmpty { annotations[AnnotationKey.baseName] = reference }
    return annotations
  }
}

/// The layers of a base image, and where to get them when they are needed.
public struct BaseLayers: Sendable {
  /// What the base is called.
  public let name: String
  /// What the name stood for.
  public let root: Digest
  /// The manifest that has the layers.
  public let manifest: Digest
  /// The layers, from the bottom up.
  public let descriptors: [Descriptor]
  /// The digests of their tars.
  public let diffIDs: [Digest]
  private let opener: BaseOpener

  /// - Parameter open: Opens the store that has the layers, when the first is asked for; called once.
  init(
    name: String, root: Digest, manifest: Digest, descriptors: [Descriptor], diffIDs: [Digest],
    open: @escaping @Sendable () async throws -> any ContentStore
  ) {
    self.name = name
    self.root = root
    self.manifest = manifest
    self.descriptors = descriptors
    self.diffIDs = diffIDs
    opener = BaseOpener(open)
  }

  func store() async throws -> any ContentStore { try await opener.store() }
}

/// Opens a store once, whoever asks first.
private actor BaseOpener {
  private let open: @Sendable () async throws -> any ContentStore
  private var opening: Task<any ContentStore, any Error>?

  init(_ open: @escaping @Sendable () async throws -> any ContentStore) { self.open = open }

  func store() async throws -> any ContentStore {
    if let opening { return try await opening.value }
    let open = open
    let task = Task { try await open() }
    opening = task
    return try await task.value
  }
}

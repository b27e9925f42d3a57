public import OCICore

/// A small valid image of random layers, for tests that need something to push. The same seed gives the same image.
public struct SampleImage: Sendable {
  /// The blobs: the configuration, then the layers.
  public let blobs: [(descriptor: Descriptor, bytes: [UInt8])]
  /// What names the manifest.
  public let manifest: Descriptor
  /// The manifest's bytes.
  public let manifestBytes: [UInt8]

  /// Creates an image.
  public init(seed: UInt64, layerSizes: [Int] = [1000, 70_000]) {
    var generator = SeededGenerator(seed: seed)
    let layers = layerSizes.map { size in
      let bytes = generator.bytes(size)
      return (descriptor: Descriptor(mediaType: .layerTar, describing: bytes), bytes: bytes)
    }
    var rootFileSystem = JSON.Object()
    rootFileSystem["type"] = .string("layers")
    rootFileSystem["diff_ids"] = .strings(layers.map { $0.descriptor.digest.description })
    var configuration = JSON.Object()
    configuration["architecture"] = .string("amd64")
    configuration["os"] = .string("linux")
    configuration["rootfs"] = .object(rootFileSystem)
    let bytes = JSON.object(configuration).canonicalBytes
    let config = Descriptor(mediaType: .imageConfiguration, describing: bytes)
    blobs = [(config, bytes)] + layers
    manifestBytes = ImageManifest(config: config, layers: layers.map(\.descriptor)).canonicalBytes
    manifest = Descriptor(mediaType: .imageManifest, describing: manifestBytes)
  }

  /// Pushes what the store lacks and publishes the manifest.
  public func push(to store: some TagStore, tags: [String]) async throws {
    for blob in blobs where try await !store.exists(blob.descriptor) {
      try await store.push(blob.descriptor, from: BlobSource(blob.bytes))
    }
    try await store.publish(manifest, bytes: manifestBytes, tags: tags)
  }
}

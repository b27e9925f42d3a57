public import OCICore

/// What every `TagStore` must do, beside what every `ContentStore` must. Run `check` from the tests of a store of your own.
public struct TagStoreConformance: Sendable {
  private typealias Base = ContentStoreConformance

  /// Checks a store that tests may write to. Blobs, and the tags `conformance-1` and `conformance-2`, stay behind.
  /// - Parameters:
  ///   - store: The store under test.
  ///   - seed: Makes the content; a store that has content of a former check needs another.
  /// - Throws: `ContentStoreConformance.Failure`, or an error of the store where it should have succeeded.
  public static func check(_ store: some TagStore, seed: UInt64 = .random(in: .min ... .max)) async throws {
    try await ContentStoreConformance.check(store, seed: seed)
    await store.rollBack()
    try await checkTags(store, seed &+ 10)
    try await checkRollBack(store, seed &+ 20)
  }

  private static func checkTags(_ store: some TagStore, _ seed: UInt64) async throws {
    let (first, second) = (SampleImage(seed: seed), SampleImage(seed: seed &+ 1))
    try await Base.requireFailure("publish takes a manifest whose blobs are missing") {
      try await store.publish(first.manifest, bytes: first.manifestBytes, tags: ["conformance-1"])
    }
    try await Base.require(store.resolve("conformance-none") == nil, "resolve finds a tag that was never published")
    try await first.push(to: store, tags: ["conformance-1", "conformance-2"])
    for tag in ["conformance-1", "conformance-2"] {
      try await Base.require(store.resolve(tag) == first.manifest, "resolve does not give the manifest just published")
    }
    try await second.push(to: store, tags: ["conformance-1"])
    try await Base.require(store.resolve("conformance-1") == second.manifest, "a tag does not move to a new manifest")
    try await Base.require(store.resolve("conformance-2") == first.manifest, "a tag moves that was not published")
    for image in [first, second] {
      try await Base.require(store.exists(image.manifest), "exists is false for a published manifest")
      let bytes = try await store.fetch(image.manifest).collect(upTo: image.manifestBytes.count)
      try Base.require(bytes == image.manifestBytes, "a manifest comes back with other bytes")
    }
    let untagged = SampleImage(seed: seed &+ 2)
    try await untagged.push(to: store, tags: [])
    try await Base.require(store.exists(untagged.manifest), "a manifest published without a tag is not there")
  }

  /// What one writer takes back is its own, and no tag moves.
  private static func checkRollBack(_ store: some TagStore, _ seed: UInt64) async throws {
    let (old, new) = (SampleImage(seed: seed), SampleImage(seed: seed &+ 1))
    try await old.push(to: store, tags: ["conformance-1"])
    let writer = store.writer()
    for blob in new.blobs { try await writer.push(blob.descriptor, from: BlobSource(blob.bytes)) }
    await writer.rollBack()
    try await Base.require(
      store.resolve("conformance-1") == old.manifest, "a push that is taken back moves a tag, or breaks what it names")
    try await new.push(to: writer, tags: ["conformance-1"])
    try await Base.require(
      store.resolve("conformance-1") == new.manifest, "after a push was taken back, it cannot be made again")
  }
}

public import OCICore

/// What every `ReferrerStore` that is a `TagStore` must do, beside what these must. Run `check` from the tests of a store of
/// your own.
public struct ReferrerStoreConformance: Sendable {
  /// Checks a store that tests may write to; blobs and manifests stay behind.
  /// - Parameters:
  ///   - store: The store under test.
  ///   - seed: Makes the content; a store that has content of a former check needs another.
  /// - Throws: `ContentStoreConformance.Failure`, or an error of the store where it should have succeeded.
  public static func check(
    _ store: some ReferrerStore & TagStore, seed: UInt64 = .random(in: .min ... .max)
  ) async throws {
    let image = SampleImage(seed: seed)
    try await image.push(to: store, tags: ["conformance-subject"])
    let none = try await store.referrers(of: image.manifest, artifactType: nil)
    try ContentStoreConformance.require(none == [], "there are referrers before any was pushed")
    try await store.push(.empty, from: BlobSource(Array("{}".utf8)))
    var expected: [Descriptor] = []
    for (number, type) in [MediaType.octetStream, .imageConfiguration].enumerated() {
      let manifest = ImageManifest(
        artifactType: type, config: .empty, layers: [.empty], subject: image.manifest,
        annotations: ["number": "\(number)"])
      let bytes = manifest.canonicalBytes
      var descriptor = Descriptor(mediaType: .imageManifest, describing: bytes)
      try await store.publish(descriptor, bytes: bytes, tags: [])
      descriptor.artifactType = type
      descriptor.annotations = manifest.annotations
      expected.append(descriptor)
    }
    let all = try await store.referrers(of: image.manifest, artifactType: nil)
    try ContentStoreConformance.require(
      all == expected.sorted { $0.digest < $1.digest }, "referrers are not those pushed, described and in order: \(all)"
    )
    for descriptor in expected {
      let some = try await store.referrers(of: image.manifest, artifactType: descriptor.artifactType)
      try ContentStoreConformance.require(
        some == [descriptor], "referrers of one type are others than those of that type")
    }
  }
}

import OCICore
import OCITesting
import Testing

/// Memory is a store as good as any.
struct MemoryStoreTests {
  @Test func itIsAStoreOfEveryKind() async throws {
    try await ContentStoreConformance.check(MemoryStore())
    try await TagStoreConformance.check(MemoryStore())
    try await ReferrerStoreConformance.check(MemoryStore())
  }

  @Test func whatAnotherWriterMayRelyOnIsNotTakenBack() async throws {
    let store = MemoryStore()
    let image = SampleImage(seed: 1)
    let (first, second) = (store.writer(), store.writer())
    try await first.push(image.blobs[0].descriptor, from: BlobSource(image.blobs[0].bytes))
    try await second.push(image.blobs[1].descriptor, from: BlobSource(image.blobs[1].bytes))
    await first.rollBack()
    #expect(try await store.exists(image.blobs[0].descriptor))
    await second.rollBack()
    #expect(try await !store.exists(image.blobs[1].descriptor))
  }

  @Test func aDigestThatCannotBeComputedIsNotTaken() async throws {
    let odd = Descriptor(mediaType: .layerTar, digest: try Digest("md5:d41d8cd98f00b204e9800998ecf8427e"), size: 0)
    let error = await #expect(throws: OCIError.self) { try await MemoryStore().push(odd, from: BlobSource([])) }
    #expect(error?.code == .unsupportedAlgorithm)
  }

  /// The conformance check finds a store that breaks a promise.
  @Test(arguments: ["loses blobs", "takes anything", "hides errors"]) func theCheckFindsABrokenStore(fault: String)
    async
  {
    await #expect(throws: ContentStoreConformance.Failure.self) {
      try await ContentStoreConformance.check(BrokenStore(fault: fault))
    }
  }

  private struct BrokenStore: ContentStore {
    let fault: String
    let store = MemoryStore()

    func exists(_ descriptor: Descriptor) async throws -> Bool {
      if fault == "takes anything" { return store.digests.contains(descriptor.digest) }
      return try await store.exists(descriptor)
    }
    func fetch(_ descriptor: Descriptor) async throws -> ByteStream { try await store.fetch(descriptor) }
    func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
      switch fault {
      case "loses blobs": for try await _ in try await source.open() {}
      case "takes anything":
        let bytes = try await source.open().collect(upTo: 1 << 30)
        guard !bytes.isEmpty else { return try await store.push(descriptor, from: BlobSource(bytes)) }
        try? await store.push(descriptor, from: BlobSource(bytes))
      default:
        do { try await store.push(descriptor, from: source) } catch {
          throw OCIError(.ioFailure, "something went wrong")
        }
      }
    }
  }
}

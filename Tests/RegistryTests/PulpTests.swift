import Foundation
import OCICore
import OCITesting
import Registry
import Testing

/// A real registry of another family, which `Scripts/test-pulp` installs and starts: tokens for each repository, blobs
/// redirected to another port, no resumption, and statuses of its own.
struct PulpTests {
  private static let host = ProcessInfo.processInfo.environment["FLYWHEEL_PULP"]

  private func withClient(
    _ body: (RegistryClient, String, Recorder<RegistryEvent>) async throws -> Void
  ) async throws {
    let host = try #require(Self.host)
    let events = Recorder<RegistryEvent>()
    var configuration = RegistryConfiguration { _, _ in Credentials(user: "admin", password: "s3cret") }
    configuration.onEvent = { events.append($0) }
    try await RegistryClient.using(configuration) { try await body($0, host, events) }
  }

  @Test(.enabled(if: host != nil)) func imagesGoThereAndBack() async throws {
    try await withClient { client, host, events in
      let seed = UInt64.random(in: 0 ... .max)
      let image = SampleImage(seed: seed, layerSizes: [100, 70_000, 5 << 20])
      let source = MemoryStore()
      try await image.push(to: source, tags: [])
      for name in ["one", "two"] {
        let repository = try client.repository(host: host, name: "test\(seed)/\(name)")
        try await copy(image.manifest, from: source, to: repository, tags: ["1", "latest"])
        #expect(try await repository.resolve("latest")?.digest == image.manifest.digest)
        #expect(try await repository.tags() == ["1", "latest"])
        let back = MemoryStore()
        try await copy(image.manifest, from: repository, to: back, tags: ["x"])
        #expect(back.digests == source.digests)
        let again = try await copy(image.manifest, from: source, to: repository, tags: ["1", "latest"])
        #expect(again.copied.isEmpty)
      }
      // What the first repository has is not sent to the second.
      let sent = events.values.reduce(0) { if case .done = $1.kind { $0 + 1 } else { $0 } }
      #expect(sent == image.blobs.count)
    }
  }

  @Test(.enabled(if: host != nil)) func contentOfUnknownDigestGoesThere() async throws {
    try await withClient { client, host, _ in
      var generator = SeededGenerator(seed: .random(in: 0 ... .max))
      let bytes = generator.bytes(3 << 20)
      let repository = try client.repository(host: host, name: "test/unknown")
      let descriptor = try await repository.push(.layerTar, producing: BlobSource(bytes))
      #expect(try await repository.fetch(descriptor).collect(upTo: bytes.count) == bytes)
    }
  }

  @Test(.enabled(if: host != nil)) func aWrongPasswordIsTriedOnce() async throws {
    let host = try #require(Self.host)
    let configuration = RegistryConfiguration { _, _ in Credentials(user: "admin", password: "wrong") }
    try await RegistryClient.using(configuration) { client in
      await #expect {
        try await SampleImage(seed: 1).push(to: client.repository(host: host, name: "a/b"), tags: ["1"])
      } throws: {
        ($0 as? RegistryError)?.code == .unauthorized
      }
    }
  }
}

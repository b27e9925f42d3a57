import Foundation
import ImageAssembly
import OCICore
import OCITesting
import Registry
import SystemPackage
import Tarball
import Testing

/// A push moves only what is missing, and a failed one moves no tag.
struct RegistryPushTests {
  private func image(in directory: FilePath, seed: UInt64 = 1) async throws -> AssembledImage {
    let store = try await FakeStore(in: directory, seed: seed)
    return try await ClosureImage(store.graph, copyToRoot: [store.root], encoding: .gzip(level: 1)).assemble()
  }

  @Test func anUnchangedImageNeedsOneHeadATagAndReadsNothing() async throws {
    try await withTemporaryDirectory { directory in
      let image = try await image(in: directory)
      try await withTestRegistry { registry in
        let first = try await image.push(to: registry.repository(), tags: ["1", "latest"])
        #expect(first.copiedBlobs.count == 5)
        #expect(first.movedTags == ["1", "latest"])
        // Without the store nothing could be read.
        try FileManager.default.removeItem(atPath: directory.appending("store").string)
        let before = registry.server.requests.count
        let second = try await image.push(to: registry.repository(), tags: ["1", "latest"])
        #expect(second.unchangedTags == ["1", "latest"])
        #expect(registry.server.requests.dropFirst(before).map(\.method) == ["HEAD", "HEAD"])
      }
    }
  }

  @Test(arguments: [-1, 0, 1, 50]) func anyConcurrencyPushesTheWholeImage(concurrency: Int) async throws {
    try await withTemporaryDirectory { directory in
      let image = try await image(in: directory)
      let layout = ImageLayoutStore(directory.appending("layout"))
      let report = try await image.push(to: layout, tags: ["a"], concurrency: concurrency)
      #expect(report.copiedBlobs.count == 5)
      #expect(try await layout.resolve("a")?.digest == image.descriptor.digest)
    }
  }

  @Test(arguments: [RegistryManners.Answer.obey, .decline, .refuse(400, code: "UNSUPPORTED")])
  func aSecondTagCostsNothingOrOneRequest(manyTags: RegistryManners.Answer) async throws {
    try await withTemporaryDirectory { directory in
      let image = try await image(in: directory)
      var manners = RegistryManners()
      manners.manyTags = manyTags
      var counts: [Int] = []
      for tags in [["1"], ["1", "2"], ["1", "2", "3"]] {
        try await withTestRegistry(manners: manners) { registry in
          // The first push with many tags finds out whether one request can set them.
          registry.server.manners.headers = [:]
          try await image.push(to: registry.repository(), tags: tags)
          counts.append(registry.server.requests.count)
          for tag in tags {
            #expect(try await registry.repository().resolve(tag)?.digest == image.descriptor.digest)
          }
        }
      }
      let finding = manyTags == .obey ? 0 : 1
      #expect(counts[1] == counts[0] + (manyTags == .obey ? 0 : 1 + finding))
      #expect(counts[2] == counts[1] + (manyTags == .obey ? 0 : 1))
    }
  }

  @Test func aColdImageOfOneLayerIsFiveRequests() async throws {
    try await withTestRegistry { registry in
      let image = SampleImage(seed: 1, layerSizes: [3 << 20])
      let source = MemoryStore()
      try await image.push(to: source, tags: [])
      try await copy(image.manifest, from: source, to: registry.repository(), tags: ["1"])
      #expect(
        registry.server.requests.map { "\($0.method) \($0.status)" }
          == ["HEAD 404", "POST 202", "PUT 201", "POST 201", "PUT 201"])
    }
  }

  @Test func onlyWhatChangedIsSent() async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      var image = ClosureImage(store.graph, copyToRoot: [store.root], encoding: .gzip(level: 1))
      try await withTestRegistry { registry in
        try await image.assemble().push(to: registry.repository(), tags: ["latest"])
        image.settings.runtime.user = "1000"
        let report = try await image.assemble().push(to: registry.repository(), tags: ["latest"])
        #expect(report.copiedBlobs.map(\.mediaType) == [.imageConfiguration])
        #expect(report.skipped.count == 4)
      }
    }
  }

  @Test func aConnectionLostForGoodLeavesTheOldTag() async throws {
    try await withTemporaryDirectory { directory in
      let old = try await image(in: directory.appending("old"), seed: 1)
      let new = try await image(in: directory.appending("new"), seed: 2)
      var configuration = RegistryConfiguration()
      configuration.maximumAttempts = 2
      try await withTestRegistry(configuration: configuration) { registry in
        try await old.push(to: registry.repository(), tags: ["latest"])
        registry.server.faults.uploads = (1...Int.max, .dropAfter(bytes: 10))
        let error = await #expect(throws: RegistryError.self) {
          try await new.push(to: registry.repository(), tags: ["latest"])
        }
        #expect(error?.code == .connectionLost)
        registry.server.faults = RegistryFaults()
        #expect(registry.server.openUploads == 0)
        #expect(try await registry.repository().resolve("latest")?.digest == old.descriptor.digest)
      }
    }
  }

  @Test(.enabled(if: Tool.areInstalled("docker-registry", "skopeo")))
  func skopeoPullsFromDockersRegistryWhatWePushed() async throws {
    try await withTemporaryDirectory { directory in
      let image = try await image(in: directory)
      try await withDockerRegistry { host in
        let client = RegistryClient()
        let repository = client.repository(try ImageReference("\(host)/team/app"))
        let report = try await image.push(to: repository, tags: ["1.0", "latest"])
        #expect(report.copiedBlobs.count == 5)
        #expect(try await image.push(to: repository, tags: ["latest"]).unchangedTags == ["latest"])
        #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: repository) == [])
        try await client.shutdown()
        try await Tool.run(
          "skopeo",
          [
            "--insecure-policy", "copy", "--src-tls-verify=false", "--preserve-digests",
            "docker://\(host)/team/app:1.0", "oci:pulled:1.0",
          ], in: directory)
        let pulled = try await ImageLayoutStore(directory.appending("pulled")).resolve("1.0")
        #expect(pulled?.digest == image.descriptor.digest)
      }
    }
  }
}

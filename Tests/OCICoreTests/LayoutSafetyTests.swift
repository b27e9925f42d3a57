import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

/// A layout may come from anywhere: nothing in it leads us out of it, and nothing in it makes us wait.
struct LayoutSafetyTests {
  private func withLayout(_ body: (ImageLayoutStore, SampleImage, FilePath) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let layout = ImageLayoutStore(directory.appending("layout"))
      let image = SampleImage(seed: 1)
      try await image.push(to: layout, tags: ["latest"])
      try await body(layout, image, directory)
    }
  }

  private func expectUnsafe(_ operation: () async throws -> Void) async {
    let error = await #expect(throws: OCIError.self) { try await operation() }
    #expect(error?.code == .unsafePath)
    #expect(error?.message.contains("layout") == true)
  }

  @Test(arguments: ["blobs", "blobs/sha256", "index.json", "oci-layout"])
  func aLinkInPlaceOfAPartOfTheLayoutIsNotFollowed(part: String) async throws {
    try await withLayout { layout, image, directory in
      let elsewhere = directory.appending("elsewhere")
      try TestFiles.move(layout.path.appending(part), to: elsewhere)
      try TestFiles.link(layout.path.appending(part), to: elsewhere.string)
      let before = TestFiles.isDirectory(elsewhere) ? try TestFiles.names(in: elsewhere) : []
      if part != "oci-layout" { await expectUnsafe { _ = try await layout.resolve("latest") } }
      // And nothing is written through it.
      let other = SampleImage(seed: 2)
      await expectUnsafe { try await other.push(to: ImageLayoutStore(layout.path), tags: ["x"]) }
      if TestFiles.isDirectory(elsewhere) { #expect(try TestFiles.names(in: elsewhere) == before) }
      #expect(try await layout.validate().errors.isEmpty == false)
      await #expect(throws: OCIError.self) { try await layout.collectGarbage() }
    }
  }

  @Test func aLinkInPlaceOfABlobIsNotFollowed() async throws {
    try await withLayout { layout, image, directory in
      for blob in [image.blobs[1].descriptor, image.manifest] {
        let path = layout.path.appending("blobs/sha256").appending(blob.digest.hex)
        let elsewhere = directory.appending("elsewhere")
        try TestFiles.move(path, to: elsewhere)
        try TestFiles.link(path, to: elsewhere.string)
        await expectUnsafe { _ = try await layout.fetch(blob).collect(upTo: 1 << 20) }
        await expectUnsafe { _ = try await layout.exists(blob) }
        await expectUnsafe { _ = try await layout.resolve("latest") }
        #expect(try await layout.validate().errors.contains { $0.message.contains("symbolic link") })
        try TestFiles.remove(path)
        try TestFiles.move(elsewhere, to: path)
      }
      #expect(try await layout.validate() == [])
    }
  }

  @Test(.timeLimit(.minutes(1))) func aPipeInPlaceOfABlobDoesNotMakeUsWait() async throws {
    try await withLayout { layout, image, _ in
      let blob = image.blobs[1].descriptor
      let path = layout.path.appending("blobs/sha256").appending(blob.digest.hex)
      try TestFiles.remove(path)
      try await Tool.run("mkfifo", [path.string])
      await expectUnsafe { _ = try await layout.fetch(blob).collect(upTo: 1 << 20) }
      await expectUnsafe { _ = try await layout.exists(blob) }
      #expect(try await layout.validate().errors.contains { $0.location == "index.json/manifests[0]/layers[0]" })
      try TestFiles.remove(layout.path.appending("index.json"))
      try await Tool.run("mkfifo", [layout.path.appending("index.json").string])
      await expectUnsafe { _ = try await layout.index() }
    }
  }

  @Test func theLayoutItselfMayBeNamedByALink() async throws {
    try await withLayout { layout, image, directory in
      let link = directory.appending("link")
      try TestFiles.link(link, to: layout.path.string)
      let linked = ImageLayoutStore(link)
      #expect(try await linked.resolve("latest") == image.manifest)
      try await SampleImage(seed: 2).push(to: linked, tags: ["x"])
      #expect(try await layout.validate() == [])
      #expect(try await linked.collectGarbage().blobs == [])
    }
  }

  @Test func contentThatCannotBeVerifiedIsNeitherReadNorWritten() async throws {
    try await withLayout { layout, _, _ in
      let odd = Descriptor(mediaType: .layerTar, digest: try Digest("odd+hash:abc"), size: 3)
      for operation in ["push", "fetch"] {
        let error = await #expect(throws: OCIError.self) {
          if operation == "push" {
            try await layout.push(odd, from: BlobSource([1, 2, 3]))
            return
          }
          let directory = layout.path.appending("blobs/odd+hash")
          try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: false)
          try TestFiles.write([1, 2, 3], to: directory.appending("abc"))
          _ = try await layout.fetch(odd).collect(upTo: 10)
        }
        #expect(error?.code == .unsupportedAlgorithm)
      }
      #expect(try TestFiles.names(in: layout.path.appending("blobs")) == ["odd+hash", "sha256"])
    }
  }

  @Test func aManifestThatIsTooLargeIsNotRead() async throws {
    try await withLayout { layout, image, _ in
      var huge = Array(repeating: UInt8(ascii: " "), count: ImageManifest.sizeLimit)
      huge += image.manifestBytes
      let descriptor = Descriptor(mediaType: .imageManifest, describing: huge)
      try await layout.push(descriptor, from: BlobSource(huge))
      let error = await #expect(throws: OCIError.self) {
        try await layout.publish(descriptor, bytes: huge, tags: ["huge"])
      }
      #expect(error?.code == .limitExceeded)
      #expect(try await layout.index()?.manifests.count == 1)
    }
  }
}

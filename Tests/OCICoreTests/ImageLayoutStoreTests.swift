import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

/// A layout is valid at every moment, and a failure leaves nothing behind.
struct ImageLayoutStoreTests {
  private func entries(_ path: FilePath) -> [String] {
    (FileManager.default.enumerator(atPath: path.string)?.allObjects as? [String] ?? []).sorted()
  }

  @Test func itIsATagStore() async throws {
    try await withTemporaryDirectory { directory in
      let store = ImageLayoutStore(directory.appending("a/b/layout"))
      try await TagStoreConformance.check(store)
      try await ReferrerStoreConformance.check(store)
      #expect(try await store.validate().errors == [])
    }
  }

  @Test func theFilesAreThoseOfTheSpecAndNoOthers() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 1)
      try await image.push(to: ImageLayoutStore(directory), tags: ["a"])
      let blobs = (image.blobs.map(\.descriptor.digest) + [image.manifest.digest]).map { "blobs/sha256/\($0.hex)" }
      #expect(entries(directory) == (["blobs", "blobs/sha256", "index.json", "oci-layout"] + blobs).sorted())
      let marker = try String(contentsOfFile: directory.appending("oci-layout").string, encoding: .utf8)
      #expect(marker == #"{"imageLayoutVersion":"1.0.0"}"#)
    }
  }

  @Test func theIndexOfAnotherToolIsChangedInPlace() async throws {
    try await withTemporaryDirectory { directory in
      let layout = ImageLayoutStore(directory)
      try await SampleImage(seed: 1).push(to: layout, tags: ["a"])
      let index = directory.appending("index.json")
      let theirs = try String(contentsOfFile: index.string, encoding: .utf8).dropFirst().dropLast()
      let entries = theirs.split(separator: ",", maxSplits: 2)[2]
      try #"{"x":{"b":1.0,"a":null},\#(entries),"annotations":null,"schemaVersion":2}"#
        .write(toFile: index.string, atomically: false, encoding: .utf8)
      try await SampleImage(seed: 2).push(to: layout, tags: ["b"])
      #expect(try await layout.untag("b"))
      let now = try String(contentsOfFile: index.string, encoding: .utf8)
      #expect(now == #"{"x":{"b":1.0,"a":null},\#(entries),"annotations":null,"schemaVersion":2}"#)
    }
  }

  @Test func aFailedPushToANewLayoutLeavesNothing() async throws {
    try await withTemporaryDirectory { directory in
      let store = ImageLayoutStore(directory.appending("new/layout"))
      let image = SampleImage(seed: 2)
      try await store.push(image.blobs[0].descriptor, from: BlobSource(image.blobs[0].bytes))
      await #expect(throws: OCIError.self) {
        try await store.push(image.blobs[1].descriptor, from: BlobSource(Array(repeating: 0, count: 5)))
      }
      await store.rollBack()
      #expect(entries(directory) == [])
    }
  }

  @Test func rollingBackSparesBlobsThatWereThereBefore() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 3)
      try await image.push(to: ImageLayoutStore(directory), tags: ["latest"])
      let store = ImageLayoutStore(directory)
      for blob in image.blobs { try await store.push(blob.descriptor, from: BlobSource(blob.bytes)) }
      await store.rollBack()
      #expect(try await ImageLayoutStore(directory).resolve("latest") == image.manifest)
    }
  }

  @Test func pushesToOneStoreRollBackEachForItself() async throws {
    try await withTemporaryDirectory { directory in
      let store = ImageLayoutStore(directory.appending("layout"))
      let (failing, working) = (store.writer(), store.writer())
      let image = SampleImage(seed: 11)
      try await failing.push(image.blobs[0].descriptor, from: BlobSource(image.blobs[0].bytes))
      for blob in image.blobs { try await working.push(blob.descriptor, from: BlobSource(blob.bytes)) }
      await failing.rollBack()
      try await working.publish(image.manifest, bytes: image.manifestBytes, tags: ["a"])
      #expect(try await store.resolve("a") == image.manifest)
    }
  }

  @Test func whenAllPushesToANewLayoutFailNothingIsLeft() async throws {
    try await withTemporaryDirectory { directory in
      let store = ImageLayoutStore(directory.appending("layout"))
      let (one, two) = (store.writer(), store.writer())
      let image = SampleImage(seed: 12)
      try await one.push(image.blobs[0].descriptor, from: BlobSource(image.blobs[0].bytes))
      try await two.push(image.blobs[1].descriptor, from: BlobSource(image.blobs[1].bytes))
      await one.rollBack()
      await two.rollBack()
      #expect(entries(directory).filter { $0 != "layout" } == [])
    }
  }

  @Test func anImageWithAMissingBlobIsNotResolved() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 13)
      let store = ImageLayoutStore(directory)
      try await image.push(to: store, tags: ["a"])
      let blob = directory.appending("blobs/sha256").appending(image.blobs[1].descriptor.digest.hex)
      try FileManager.default.removeItem(atPath: blob.string)
      let damaged = try await store.resolve("a")
      #expect(damaged == nil)
      try await image.push(to: store, tags: ["a"])
      #expect(try await store.resolve("a") == image.manifest)
    }
  }

  @Test func aManifestOtherThanItsDigestIsNotPublished() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 14)
      let store = ImageLayoutStore(directory)
      try await image.push(to: store, tags: ["a"])
      let error = await #expect(throws: OCIError.self) {
        try await store.publish(image.manifest, bytes: image.manifestBytes.dropLast() + [0x20], tags: ["b"])
      }
      #expect(error?.code == .digestMismatch)
    }
  }

  @Test func aFailedPushLeavesAnOldLayoutAsItWas() async throws {
    try await withTemporaryDirectory { directory in
      try await SampleImage(seed: 3).push(to: ImageLayoutStore(directory), tags: ["latest"])
      let before = entries(directory)
      let store = ImageLayoutStore(directory)
      let image = SampleImage(seed: 4)
      try await store.push(image.blobs[0].descriptor, from: BlobSource(image.blobs[0].bytes))
      await store.rollBack()
      #expect(entries(directory) == before)
      #expect(try await store.resolve("latest") == SampleImage(seed: 3).manifest)
    }
  }

  @Test func rollingBackSparesWhatAnotherPushHasPublishedMeanwhile() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 5)
      let failing = ImageLayoutStore(directory)
      try await failing.push(image.blobs[1].descriptor, from: BlobSource(image.blobs[1].bytes))
      try await image.push(to: ImageLayoutStore(directory), tags: ["other"])
      await failing.rollBack()
      for blob in image.blobs { #expect(try await ImageLayoutStore(directory).exists(blob.descriptor)) }
    }
  }

  @Test func aManifestWhoseBlobsAreMissingIsNotPublished() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 6)
      let store = ImageLayoutStore(directory.appending("layout"))
      let error = await #expect(throws: OCIError.self) {
        try await store.publish(image.manifest, bytes: image.manifestBytes, tags: ["a"])
      }
      #expect(error?.code == .notFound)
      let named = try await store.resolve("a")
      #expect(named == nil)
    }
  }

  @Test func aDirectoryOfSomethingElseIsLeftAlone() async throws {
    try await withTemporaryDirectory { directory in
      try "mine".write(toFile: directory.appending("file").string, atomically: false, encoding: .utf8)
      await #expect(throws: OCIError.self) {
        try await SampleImage(seed: 7).push(to: ImageLayoutStore(directory), tags: ["a"])
      }
      #expect(entries(directory) == ["file"])
    }
  }

  @Test func aLayoutOfAnotherVersionIsLeftAlone() async throws {
    try await withTemporaryDirectory { directory in
      try #"{"imageLayoutVersion":"9.0.0"}"#.write(
        toFile: directory.appending("oci-layout").string, atomically: false, encoding: .utf8)
      let error = await #expect(throws: OCIError.self) {
        try await SampleImage(seed: 7).push(to: ImageLayoutStore(directory), tags: ["a"])
      }
      #expect(error?.code == .invalidDocument)
      #expect(entries(directory) == ["oci-layout"])
    }
  }

  @Test func manyPublishersOfOneLayoutAllArrive() async throws {
    try await withTemporaryDirectory { directory in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for seed in 0..<12 as Range<UInt64> {
          group.addTask {
            try await SampleImage(seed: seed % 4).push(to: ImageLayoutStore(directory), tags: ["tag-\(seed)"])
          }
        }
        try await group.waitForAll()
      }
      let store = ImageLayoutStore(directory)
      for seed in 0..<12 as Range<UInt64> {
        #expect(try await store.resolve("tag-\(seed)") == SampleImage(seed: seed % 4).manifest)
      }
      #expect(try await store.index()?.manifests.count == 12)
    }
  }

  @Test func aDamagedBlobIsNotReadAsAWhole() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 8)
      let store = ImageLayoutStore(directory)
      try await image.push(to: store, tags: ["a"])
      let layer = image.blobs[2]
      let file = directory.appending("blobs/sha256").appending(layer.descriptor.digest.hex)
      var bytes = layer.bytes
      bytes[bytes.count / 2] ^= 1
      try Data(bytes).write(to: URL(fileURLWithPath: file.string))
      let error = await #expect(throws: OCIError.self) {
        try await store.fetch(layer.descriptor).collect(upTo: 1 << 20)
      }
      #expect(error?.code == .digestMismatch)
      try Data(bytes.dropLast()).write(to: URL(fileURLWithPath: file.string))
      #expect(try await store.exists(layer.descriptor) == false)
    }
  }

  @Test func aBrokenIndexIsNamedAndKept() async throws {
    try await withTemporaryDirectory { directory in
      try await SampleImage(seed: 9).push(to: ImageLayoutStore(directory), tags: ["a"])
      try #"{"schemaVersion":2,"manifests":[{}]}"#.write(
        toFile: directory.appending("index.json").string, atomically: false, encoding: .utf8)
      let error = await #expect(throws: OCIError.self) {
        try await SampleImage(seed: 10).push(to: ImageLayoutStore(directory), tags: ["b"])
      }
      #expect(error?.message.contains("index.json") == true)
      #expect(error?.message.contains("index.manifests[0].mediaType") == true)
    }
  }

  @Test(arguments: ["latest", "1.0", "team/app:1.0", "a__b", "v1-rc.2+build", "_tag", "app:1.0-"])
  func namesOfTheSpecAreAccepted(name: String) throws {
    try ImageLayoutStore.validate(name: name)
  }

  @Test(arguments: ["", "a b", "/a", "a/", "a//b", "é", "a\n", ".x", "-x", "a/:b", "@", "../a"])
  func otherNamesAreRefused(name: String) {
    #expect(throws: OCIError.self) { try ImageLayoutStore.validate(name: name) }
  }
}

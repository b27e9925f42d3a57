import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

/// Garbage collection removes what nothing needs and nothing else; validation finds every fault where it is.
struct LayoutMaintenanceTests {
  private func blobs(_ layout: ImageLayoutStore) throws -> Set<String> {
    Set(try TestFiles.names(in: layout.path.appending("blobs/sha256")))
  }

  private func digests(_ image: SampleImage) -> Set<String> {
    Set(image.blobs.map(\.descriptor.digest.hex) + [image.manifest.digest.hex])
  }

  // MARK: Garbage

  @Test func whatNoNameLeadsToIsRemoved() async throws {
    try await withTemporaryDirectory { directory in
      let layout = ImageLayoutStore(directory)
      let (kept, dropped) = (SampleImage(seed: 1), SampleImage(seed: 2))
      try await kept.push(to: layout, tags: ["kept", "other"])
      try await dropped.push(to: layout, tags: ["dropped"])
      #expect(try await layout.collectGarbage().blobs == [])
      #expect(try await layout.untag("dropped"))
      #expect(try await !layout.untag("dropped"))
      #expect(try await layout.untag("other"))
      // What a killed process leaves.
      try TestFiles.write([1, 2, 3], to: directory.appending("blobs/sha256/.flywheel-1.tmp"))
      try TestFiles.write([1], to: directory.appending(".flywheel-2.tmp"))
      let planned = try await layout.collectGarbage(isDryRun: true)
      #expect(try blobs(layout).isSuperset(of: digests(dropped)))
      let report = try await layout.collectGarbage()
      #expect(report == planned)
      #expect(Set(report.blobs.map(\.hex)) == digests(dropped))
      #expect(report.temporaryFiles == [".flywheel-2.tmp", "blobs/sha256/.flywheel-1.tmp"])
      let sizes = dropped.blobs.reduce(0) { $0 + $1.bytes.count } + dropped.manifestBytes.count + 4
      #expect(report.bytes == Int64(sizes))
      #expect(try blobs(layout) == digests(kept))
      #expect(try await layout.validate() == [])
    }
  }

  @Test func filesOfOthersAreLeftAlone() async throws {
    try await withTemporaryDirectory { directory in
      let layout = ImageLayoutStore(directory)
      try await SampleImage(seed: 1).push(to: layout, tags: ["a"])
      for name in ["README", "blobs/note", "blobs/sha256/not-a-digest"] {
        try TestFiles.write([1], to: directory.appending(name))
      }
      #expect(try await layout.collectGarbage() == GarbageReport())
      #expect(try TestFiles.names(in: directory).contains("README"))
    }
  }

  @Test func whileAnotherWritesNothingIsRemoved() async throws {
    try await withTemporaryDirectory { directory in
      let layout = ImageLayoutStore(directory)
      try await SampleImage(seed: 1).push(to: layout, tags: ["a"])
      let image = SampleImage(seed: 2)
      let writer = layout.writer()
      for blob in image.blobs { try await writer.push(blob.descriptor, from: BlobSource(blob.bytes)) }
      let error = await #expect(throws: OCIError.self) { try await layout.collectGarbage(patience: .milliseconds(80)) }
      #expect(error?.code == .busy)
      async let collection = layout.collectGarbage()
      try await writer.publish(image.manifest, bytes: image.manifestBytes, tags: ["b"])
      #expect(try await collection.blobs == [])
      #expect(try await layout.resolve("b") == image.manifest)
    }
  }

  @Test func writersAndCollectorsAtTheSameTimeLoseNothing() async throws {
    try await withTemporaryDirectory { directory in
      try await SampleImage(seed: 99).push(to: ImageLayoutStore(directory), tags: ["first"])
      try await withThrowingTaskGroup(of: Void.self) { group in
        for seed in 0..<12 {
          group.addTask {
            try await SampleImage(seed: UInt64(seed)).push(to: ImageLayoutStore(directory), tags: ["v\(seed)"])
          }
        }
        for _ in 0..<4 {
          group.addTask { try await ImageLayoutStore(directory).collectGarbage(patience: .seconds(60)) }
        }
        try await group.waitForAll()
      }
      let layout = ImageLayoutStore(directory)
      for seed in 0..<12 {
        #expect(try await layout.resolve("v\(seed)") == SampleImage(seed: UInt64(seed)).manifest)
      }
      #expect(try await layout.validate() == [])
    }
  }

  @Test func aLayoutThatCannotBeUnderstoodIsNotTouched() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 1)
      for fault in ["manifest", "index", "no index", "no marker"] {
        let layout = ImageLayoutStore(directory.appending(fault))
        try await image.push(to: layout, tags: ["a"])
        let index = layout.path.appending("index.json")
        switch fault {
        case "manifest":
          var bytes = image.manifestBytes
          bytes[bytes.count / 2] ^= 1
          try TestFiles.write(bytes, to: layout.path.appending("blobs/sha256").appending(image.manifest.digest.hex))
        case "index": try TestFiles.write(Array("{".utf8), to: index)
        case "no index": try TestFiles.remove(index)
        default: try TestFiles.remove(layout.path.appending("oci-layout"))
        }
        await #expect(throws: OCIError.self) { try await layout.collectGarbage() }
        #expect(try blobs(layout) == digests(image))
      }
    }
  }

  @Test func subjectsAndWhatIsAboutThemStay() async throws {
    try await withTemporaryDirectory { directory in
      let layout = ImageLayoutStore(directory)
      let image = SampleImage(seed: 1)
      try await image.push(to: layout, tags: ["a"])
      try await ReferrerStoreConformance.check(layout, seed: 5)
      let before = try blobs(layout)
      // The subject has no name any more; what is about it stands in the index and leads to it.
      #expect(try await layout.untag("conformance-subject"))
      #expect(try await layout.collectGarbage().blobs == [])
      #expect(try blobs(layout) == before)
    }
  }

  // MARK: Validation

  /// A layout with an index, two manifests that share a layer, and their configurations.
  private func make(_ directory: FilePath) async throws -> (layout: ImageLayoutStore, image: SampleImage) {
    let layout = ImageLayoutStore(directory)
    let image = SampleImage(seed: 1)
    try await image.push(to: layout, tags: [])
    let bytes = ImageIndex(manifests: [image.manifest]).canonicalBytes
    let index = Descriptor(mediaType: .imageIndex, describing: bytes)
    try TestFiles.remove(directory.appending("index.json"))
    try await layout.publish(index, bytes: bytes, tags: ["latest"])
    return (layout, image)
  }

  private static let manifestLocation = "index.json/manifests[0]/manifests[0]"

  /// What is done to the layout, and what is found: severity, code, location, path.
  private static let faults: [(String, [String], @Sendable (FilePath, SampleImage) throws -> Void)] = [
    ("nothing", [], { _, _ in }),
    (
      "no marker", ["error missing oci-layout $"],
      { layout, _ in try TestFiles.remove(layout.appending("oci-layout")) }
    ),
    (
      "other version", ["error invalidValue oci-layout $"],
      { layout, _ in
        try TestFiles.write(Array(#"{"imageLayoutVersion":"2.0.0"}"#.utf8), to: layout.appending("oci-layout"))
      }
    ),
    (
      "broken index", ["error unreadable index.json $"] + Array(repeating: "warning unreferenced", count: 5),
      { layout, _ in try TestFiles.write(Array("[".utf8), to: layout.appending("index.json")) }
    ),
    (
      "no index", ["error missing index.json $"] + Array(repeating: "warning unreferenced", count: 5),
      { layout, _ in try TestFiles.remove(layout.appending("index.json")) }
    ),
    (
      "missing layer", ["error missing \(manifestLocation)/layers[1] $"],
      { layout, image in try TestFiles.remove(blob(layout, image.blobs[2].descriptor)) }
    ),
    (
      "missing config", ["error missing \(manifestLocation)/config $"],
      { layout, image in try TestFiles.remove(blob(layout, image.blobs[0].descriptor)) }
    ),
    (
      "missing manifest", ["error missing \(manifestLocation) $"] + Array(repeating: "warning unreferenced", count: 3),
      { layout, image in try TestFiles.remove(blob(layout, image.manifest)) }
    ),
    (
      "short layer", ["error damaged \(manifestLocation)/layers[0] $"],
      { layout, image in try TestFiles.write([1], to: blob(layout, image.blobs[1].descriptor)) }
    ),
    (
      "changed layer", ["error damaged \(manifestLocation)/layers[0] $"],
      { layout, image in
        var bytes = image.blobs[1].bytes
        bytes[3] ^= 1
        try TestFiles.write(bytes, to: blob(layout, image.blobs[1].descriptor))
      }
    ),
    (
      "changed config", ["error damaged \(manifestLocation)/config $"],
      { layout, image in
        var bytes = image.blobs[0].bytes
        bytes[3] ^= 1
        try TestFiles.write(bytes, to: blob(layout, image.blobs[0].descriptor))
      }
    ),
    (
      "changed manifest", ["error damaged \(manifestLocation) $"] + Array(repeating: "warning unreferenced", count: 3),
      { layout, image in
        var bytes = image.manifestBytes
        bytes[3] ^= 1
        try TestFiles.write(bytes, to: blob(layout, image.manifest))
      }
    ),
    (
      "two faults", ["error damaged \(manifestLocation)/layers[0] $", "error missing \(manifestLocation)/layers[1] $"],
      { layout, image in
        try TestFiles.write([1], to: blob(layout, image.blobs[1].descriptor))
        try TestFiles.remove(blob(layout, image.blobs[2].descriptor))
      }
    ),
    (
      "stray blob", ["warning unreferenced blobs/sha256/\(Digest.of([7]).hex) $"],
      { layout, _ in try TestFiles.write([7], to: layout.appending("blobs/sha256").appending(Digest.of([7]).hex)) }
    ),
    (
      "damaged stray blob",
      [
        "warning unreferenced blobs/sha256/\(Digest.of([7]).hex) $",
        "error damaged blobs/sha256/\(Digest.of([7]).hex) $",
      ],
      { layout, _ in try TestFiles.write([8], to: layout.appending("blobs/sha256").appending(Digest.of([7]).hex)) }
    ),
    (
      "no digest", ["error invalidValue blobs/sha256/abc $"],
      { layout, _ in try TestFiles.write([8], to: layout.appending("blobs/sha256/abc")) }
    ),
    (
      "no algorithm", ["error invalidValue blobs/ABC $"],
      { layout, _ in try TestFiles.write([8], to: layout.appending("blobs/ABC")) }
    ),
    (
      "left over", ["warning unreferenced blobs/sha256/.flywheel-x.tmp $"],
      { layout, _ in try TestFiles.write([8], to: layout.appending("blobs/sha256/.flywheel-x.tmp")) }
    ),
  ]

  private static func blob(_ layout: FilePath, _ descriptor: Descriptor) -> FilePath {
    layout.appending("blobs/sha256").appending(descriptor.digest.hex)
  }

  @Test(arguments: faults.indices) func aFaultIsFoundWhereItIs(index: Int) async throws {
    let (what, expected, change) = Self.faults[index]
    try await withTemporaryDirectory { directory in
      let (layout, image) = try await make(directory)
      try change(directory, image)
      let findings = try await layout.validate()
      let found = findings.map { "\($0.severity.rawValue) \($0.code) \($0.location) \($0.path)" }
      // Blobs that lose their manifest are told in the order of their digests, which is not worth spelling out.
      let matches = found.count == expected.count && zip(found, expected).allSatisfy { $0.hasPrefix($1) }
      #expect(matches, "\(what): \(findings)")
      #expect(try await layout.validate() == findings)
      for finding in findings { #expect(finding.section.hasPrefix("image-spec image-layout.md §")) }
    }
  }

  @Test func withoutReadingContentSizesAloneAreCompared() async throws {
    try await withTemporaryDirectory { directory in
      let (layout, image) = try await make(directory)
      var bytes = image.blobs[1].bytes
      bytes[3] ^= 1
      try TestFiles.write(bytes, to: Self.blob(directory, image.blobs[1].descriptor))
      #expect(try await layout.validate(readsContent: false) == [])
      #expect(try await layout.validate().count == 1)
    }
  }

  @Test func documentsAreCheckedAgainstEachOther() async throws {
    try await withTemporaryDirectory { directory in
      let layout = ImageLayoutStore(directory)
      let layer = Descriptor(mediaType: .layerTar, describing: [1])
      try await layout.push(layer, from: BlobSource([1]))
      let configuration = ImageConfiguration(
        platform: .init(architecture: "aarch64"), diffIDs: [.of([2]), .of([3])], created: "never")
      let config = Descriptor(mediaType: .imageConfiguration, describing: configuration.canonicalBytes)
      try await layout.push(config, from: BlobSource(configuration.canonicalBytes))
      let manifest = ImageManifest(config: config, layers: [layer], annotations: ["": ""])
      let bytes = manifest.canonicalBytes
      let descriptor = Descriptor(mediaType: .imageManifest, describing: bytes)
      try await layout.publish(descriptor, bytes: bytes, tags: ["a"])
      let found = try await layout.validate().map { "\($0.severity.rawValue) \($0.location) \($0.path)" }
      #expect(
        found == [
          "error index.json/manifests[0] $.annotations['']", "error index.json/manifests[0]/config $.created",
          "warning index.json/manifests[0]/config $.architecture",
          "error index.json/manifests[0]/config $.rootfs.diff_ids",
          "error index.json/manifests[0]/config $.rootfs.diff_ids[0]",
        ])
    }
  }

  @Test func twoNamesAlikeInOneIndexAreTold() async throws {
    try await withTemporaryDirectory { directory in
      let (layout, _) = try await make(directory)
      var index = try #require(try await layout.index())
      index.manifests.append(index.manifests[0])
      try TestFiles.write(index.canonicalBytes, to: directory.appending("index.json"))
      let findings = try await layout.validate()
      #expect(findings.map(\.location) == ["index.json/manifests[1]"])
      #expect(findings.first?.severity == .warning)
    }
  }
}

import Foundation
import OCICore
import OCITesting
import SystemPackage
import Tarball
import Testing

/// Files for tests, and what becomes of them.
enum TestTree {
  static func write(_ bytes: some Sequence<UInt8>, to path: FilePath, mode: Int = 0o644) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path.string))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.string)
  }

  static func write(_ text: String, to path: FilePath, mode: Int = 0o644) throws {
    try write(Array(text.utf8), to: path, mode: mode)
  }

  static func makeDirectory(_ path: FilePath, mode: Int = 0o755) throws {
    try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.string)
  }

  static func random(_ seed: UInt64, at path: FilePath) async throws {
    try makeDirectory(path)
    try await RandomTree(seed: seed).write(into: path)
  }

  static func read(_ path: FilePath) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path.string)))
  }

  /// Bytes that compress as programs do: words, numbers, noise.
  static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    let words = (0..<200).map { _ in generator.bytes(Int.random(in: 3...12, using: &generator)).map { $0 & 31 | 96 } }
    var result: [UInt8] = []
    while result.count < count {
      switch Int.random(in: 0..<8, using: &generator) {
      case 0: result += generator.bytes(Int.random(in: 0..<3000, using: &generator))
      case 1: result += [UInt8](repeating: 0, count: Int.random(in: 0..<500, using: &generator))
      default: for _ in 0..<100 { result += words[Int.random(in: 0..<200, using: &generator)] }
      }
    }
    return Array(result.prefix(count))
  }
}

extension TestTree {
  /// Writes an image of these layers into a layout, tagged `t`.
  static func writeImage(_ layers: [(LayerRecipe, LayerEncoding)], to path: FilePath) async throws {
    let writer = ImageLayoutStore(path).writer()
    var descriptors: [Descriptor] = []
    var diffIDs: [Digest] = []
    for (layer, encoding) in layers {
      let digests = try await layer.digests(encoding: encoding)
      let descriptor = Descriptor(mediaType: encoding.mediaType, digest: digests.digest, size: digests.size)
      try await writer.push(descriptor, from: layer.source(encoding: encoding))
      descriptors.append(descriptor)
      diffIDs.append(digests.diffID)
    }
    let configuration = ImageConfiguration(
      platform: Platform(architecture: "amd64"), runtime: .init(), diffIDs: diffIDs,
      history: diffIDs.map { _ in .init(created: "1970-01-01T00:00:01Z", createdBy: "test") }
    ).canonicalBytes
    let config = Descriptor(mediaType: .imageConfiguration, describing: configuration)
    try await writer.push(config, from: BlobSource(configuration))
    let manifest = ImageManifest(config: config, layers: descriptors).canonicalBytes
    try await writer.publish(Descriptor(mediaType: .imageManifest, describing: manifest), bytes: manifest, tags: ["t"])
  }
}

extension LayerRecipe {
  /// The layer's bytes, after making sure that they are what the digests say.
  func bytes(_ encoding: LayerEncoding = .none, cache: (any LayerCache)? = nil) async throws -> [UInt8] {
    let digests = try await digests(encoding: encoding)
    let bytes = try await source(encoding: encoding, cache: cache).open().collect(upTo: 1 << 30)
    #expect(Digest.of(bytes) == digests.digest)
    #expect(Int64(bytes.count) == digests.size)
    return bytes
  }
}

/// Expects a `TarballError` that names something.
func expectError<Result>(
  _ code: TarballError.Code, naming text: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () async throws -> Result
) async {
  let error = await #expect(throws: TarballError.self, sourceLocation: sourceLocation) { _ = try await body() }
  #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: sourceLocation)
  #expect(
    text.isEmpty || error?.message.contains(text) == true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
}

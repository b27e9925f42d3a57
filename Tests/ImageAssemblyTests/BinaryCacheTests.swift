import Foundation
import LayerGraph
import OCICore
import OCITesting
import Registry
import SystemPackage
import Tarball
import Testing

@testable import ImageAssembly

/// An image of a closure that is not on this machine is, byte for byte, the one of the store.
@Suite(.enabled(if: NixCache.isAvailable)) struct BinaryCacheTests {
  private func withCache(_ body: (NixCache, FilePath) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in try await body(try await NixCache(in: directory), directory) }
  }

  private func caches(
    _ nix: NixCache, _ directory: FilePath, keys: [String]? = nil, allowsUnsigned: Bool = false
  ) throws -> BinaryCaches {
    let keys = try (keys ?? [nix.publicKey]).map { try TrustedKey($0) }
    return BinaryCaches([BinaryCache(directory: directory, trustedKeys: keys, allowsUnsigned: allowsUnsigned)])
  }

  private func recipe(
    _ nix: NixCache, _ graph: StoreGraph, _ caches: BinaryCaches? = nil, encoding: LayerEncoding = .none,
    maximumLayers: Int = 100
  ) -> ClosureImage {
    var image = ClosureImage(graph, copyToRoot: [nix.root], maximumLayers: maximumLayers, encoding: encoding)
    image.settings.runtime.entrypoint = ["/bin/run"]
    image.substitute = caches
    return image
  }

  @Test func everyCompressionGivesTheImageOfTheStore() async throws {
    try await withCache { nix, directory in
      let graph = try await NixStore().closure(of: [nix.root])
      let hashes = try await NixStore().narHashes(of: nix.paths)
      let wanted = [
        try await recipe(nix, graph).assemble(), try await recipe(nix, graph, encoding: .gzip(level: 1)).assemble(),
        // Everything, the root too, in one layer.
        try await recipe(nix, graph, maximumLayers: 1).assemble(),
      ]
      #expect(wanted[0].configuration.platform == Platform(architecture: "arm64"))
      var places: [FilePath] = []
      for compression in ["xz", "zstd", "none"] { places.append(try await nix.copy(compression: compression)) }
      try await nix.delete()
      #expect(nix.paths.allSatisfy { !FileManager.default.fileExists(atPath: $0) })
      for place in places {
        let caches = try caches(nix, place)
        let told = try await caches.closure(of: [nix.root])
        #expect(told == graph)
        let own = try await caches.narHashes(of: nix.paths)
        #expect(nix.paths.allSatisfy { own.sha256(of: $0) == hashes.sha256(of: $0) && own.sha256(of: $0) != nil })
        var made = [try await recipe(nix, told, caches).assemble()]
        if place == places[0] {
          made.append(try await recipe(nix, told, caches, encoding: .gzip(level: 1)).assemble())
          made.append(try await recipe(nix, told, caches, maximumLayers: 1).assemble())
        }
        #expect(made.map(\.descriptor) == wanted.prefix(made.count).map(\.descriptor), "\(place)")
        #expect(try made[0].description(in: directory) == wanted[0].description(in: directory))
        #expect(try await made[0].verify().allSatisfy(\.isSame))
      }
      // The first cache lacks everything; the second is asked then.
      let empty = directory.appending("empty")
      try FileManager.default.createDirectory(atPath: empty.string, withIntermediateDirectories: true)
      let both = BinaryCaches(
        try [empty, places[1]].map { BinaryCache(directory: $0, trustedKeys: [try TrustedKey(nix.publicKey)]) })
      let store = MemoryStore()
      try await recipe(nix, graph, both).assemble().push(to: store, tags: ["t"])
      #expect(try await store.resolve("t")?.digest == wanted[0].descriptor.digest)
    }
  }

  @Test func aDescriptionIsPushedFromTheCacheAlone() async throws {
    try await withCache { nix, directory in
      let place = try await nix.copy(compression: "zstd")
      let file = directory.appending("image.json")
      let graph = try await NixStore().closure(of: [nix.root])
      let wanted = try await recipe(nix, graph, encoding: .gzip(level: 1)).assemble()
      try await wanted.writeDescription(to: file)
      try await nix.delete()
      var read = try AssembledImage(descriptionFile: file)
      let alone = await #expect(throws: TarballError.self) { try await read.push(to: MemoryStore(), tags: []) }
      #expect(alone?.code == .unreadable)
      read.substitute = try caches(nix, place)
      let store = MemoryStore()
      try await read.encoded(as: .none).push(to: store, tags: ["none"])
      try await read.push(to: store, tags: ["t"])
      #expect(try await store.resolve("t")?.digest == wanted.descriptor.digest)
    }
  }

  @Test func whatWasSignedIsRememberedAndNothingElse() async throws {
    try await withCache { nix, directory in
      let graph = try await NixStore().closure(of: [nix.root])
      let place = try await nix.copy(compression: "none")
      try await nix.delete()
      func files(_ name: String, _ caches: BinaryCaches) async throws -> Int {
        var image = recipe(nix, graph, caches)
        image.cache = LayerDigestCache(directory: directory.appending(name))
        let first = try await image.assemble()
        #expect(try await image.assemble().descriptor == first.descriptor)
        return try FileManager.default.contentsOfDirectory(atPath: directory.appending(name).string).count {
          $0.hasPrefix("layer-")
        }
      }
      #expect(try await files("signed", caches(nix, place)) == graph.nodes.count + 1)
      #expect(try await files("unsigned", caches(nix, place, keys: [], allowsUnsigned: true)) == 0)
      // Known layers are made without their archives.
      try FileManager.default.removeItem(atPath: place.appending("nar").string)
      var image = recipe(nix, graph, try caches(nix, place))
      image.cache = LayerDigestCache(directory: directory.appending("signed"))
      image.settings.platform = Platform(architecture: "arm64")
      image.copyToRoot = []
      #expect(try await image.assemble().layers.count == graph.nodes.count)
    }
  }

  @Test func whatIsNotSignedIsRefusedUnlessThatIsAllowed() async throws {
    try await withCache { nix, _ in
      let (signed, unsigned) = (
        try await nix.copy(compression: "none"), try await nix.copy(compression: "none", isSigned: false)
      )
      try await nix.delete()
      let other = "test-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="
      for (caches, text) in [
        (try caches(nix, unsigned), "nobody has signed it"), (try caches(nix, signed, keys: []), "signed by test-1"),
        (try caches(nix, signed, keys: [other]), "its signature by test-1 is wrong"),
      ] {
        let error = await #expect(throws: AssemblyError.self) { try await caches.closure(of: [nix.root]) }
        #expect(error?.code == .untrustedStorePath && error?.message.contains(text) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains(nix.root.string) == true)
      }
      let allowed = try caches(nix, unsigned, allowsUnsigned: true)
      #expect(try await allowed.closure(of: [nix.root]).nodes.map(\.path) == nix.paths)
      // One that is trusted counts, wherever it stands in the order.
      let both = BinaryCaches([
        BinaryCache(directory: unsigned, trustedKeys: [try TrustedKey(nix.publicKey)]),
        BinaryCache(directory: signed, trustedKeys: [try TrustedKey(nix.publicKey)]),
      ])
      #expect(try await both.closure(of: [nix.root]).nodes.count == nix.paths.count)
    }
  }

  @Test func damagedAndMissingArchivesAreRefusedAndNothingIsTagged() async throws {
    try await withCache { nix, directory in
      let graph = try await NixStore().closure(of: [nix.root])
      let wanted = try await recipe(nix, graph).assemble()
      let place = try await nix.copy(compression: "zstd")
      try await nix.delete()
      let nar = try #require(
        try FileManager.default.contentsOfDirectory(atPath: place.appending("nar").string).sorted().first)
      let file = place.appending("nar").appending(nar)
      let bytes = try #require(FileManager.default.contents(atPath: file.string))
      var flipped = bytes
      flipped[bytes.count / 2] ^= 0x10
      for damaged in [flipped, bytes.dropLast(7), Data()] {
        try damaged.write(to: URL(fileURLWithPath: file.string))
        var image = wanted
        image.substitute = try caches(nix, place)
        let store = MemoryStore()
        let error = await #expect(throws: TarballError.self) { try await image.push(to: store, tags: ["t"]) }
        #expect(error?.code == .damaged && error?.message.contains("\(place)") == true, "\(error?.message ?? "")")
        #expect(try await store.resolve("t") == nil)
      }
      try FileManager.default.removeItem(atPath: file.string)
      var missing = wanted
      missing.substitute = try caches(nix, place)
      let error = await #expect(throws: AssemblyError.self) { try await missing.push(to: MemoryStore(), tags: []) }
      #expect(error?.code == .storePathMissing && error?.message.contains(nar) == true)
      // Neither a hash that is wrong nor a name that belongs to another is believed, signed or not.
      let name = place.appending("\(nix.root.lastComponent?.string.prefix(32) ?? "").narinfo")
      let text = try String(contentsOfFile: name.string, encoding: .utf8)
      for (old, new, code) in [
        ("NarSize: ", "NarSize: 1", AssemblyError.Code.untrustedStorePath), ("-root-", "-toor-", .invalidBinaryCache),
        ("URL: ", "URL: ../", .invalidBinaryCache),
      ] {
        try text.replacing(old, with: new).write(toFile: name.string, atomically: false, encoding: .utf8)
        let error = await #expect(throws: AssemblyError.self) {
          try await caches(nix, place).closure(of: [nix.root])
        }
        #expect(error?.code == code, "\(error?.message ?? "")")
      }
      try FileManager.default.removeItem(atPath: name.string)
      let gone = await #expect(throws: AssemblyError.self) { try await caches(nix, place).closure(of: [nix.root]) }
      #expect(gone?.code == .storePathMissing && gone?.message.contains("\(place)") == true)
    }
  }
}

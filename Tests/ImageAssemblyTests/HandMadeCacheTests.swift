import LayerGraph
import OCICore
import OCITesting
import Synchronization
import SystemPackage
import Tarball
import Testing

@testable import ImageAssembly

/// Images of store paths that are nowhere but in a binary cache which a test has made up.
struct HandMadeCacheTests {
  /// A cache in memory.
  private struct HandMadeCache {
    private(set) var nodes: [StoreGraph.Node] = []
    private var files: [String: [UInt8]] = [:]

    private static func string(_ bytes: some Collection<UInt8>) -> [UInt8] {
      (0..<8).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) } + bytes
        + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
    }

    private static func strings(_ texts: String...) -> [UInt8] { texts.flatMap { string(Array($0.utf8)) } }

    static func file(_ content: [UInt8]) -> [UInt8] {
      strings("(", "type", "regular", "executable", "", "contents") + string(content) + strings(")")
    }

    static func link(_ target: String) -> [UInt8] { strings("(", "type", "symlink", "target", target, ")") }

    static func directory(_ entries: (name: String, node: [UInt8])...) -> [UInt8] {
      strings("(", "type", "directory")
        + entries.flatMap { strings("entry", "(", "name", $0.name, "node") + $0.node + strings(")") } + strings(")")
    }

    /// A program for a machine.
    static func program(_ machine: UInt8) -> [UInt8] {
      file([0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9) + [2, 0, machine, 0, 1, 0, 0, 0])
    }

    static func path(_ number: Int) -> String {
      "/nix/store/\(1000 + number)0000000000000000000000000000-made-\(number)"
    }

    mutating func add(_ number: Int, _ node: [UInt8], references: [Int] = []) {
      let (path, nar) = (Self.path(number), Self.strings("nix-archive-1") + node)
      let names = references.map { Self.path($0).dropFirst(11) }.joined(separator: " ")
      let info = """
        StorePath: \(path)
        URL: nar/\(number).nar
        Compression: none
        NarHash: \(Digest.of(nar))
        NarSize: \(nar.count)
        References: \(names)
        """
      files["\(path.dropFirst(11).prefix(32)).narinfo"] = Array(info.utf8)
      files["nar/\(number).nar"] = nar
      nodes.append(StoreGraph.Node(path: path, size: Int64(nar.count), references: references.map(Self.path)))
    }

    mutating func remove(_ number: Int) { files["\(Self.path(number).dropFirst(11).prefix(32)).narinfo"] = nil }

    var caches: BinaryCaches {
      BinaryCaches([BinaryCache("memory", allowsUnsigned: true) { [files] in files[$0].map { ByteStream($0) } }])
    }
  }

  private func path(_ number: Int) -> String { HandMadeCache.path(number) }

  private func image(
    _ cache: HandMadeCache, _ roots: [Int], copyToRoot: [Int] = [], entrypoint: String? = nil
  ) async throws -> ClosureImage {
    let graph = try await cache.caches.closure(of: roots.map { FilePath(path($0)) })
    var image = ClosureImage(graph, copyToRoot: copyToRoot.map { FilePath(path($0)) }, encoding: .none)
    image.settings.runtime.entrypoint = entrypoint.map { [$0] }
    image.substitute = cache.caches
    return image
  }

  @Test func thePlatformIsThatOfWhatLinksAcrossStorePathsLeadTo() async throws {
    var cache = HandMadeCache()
    cache.add(1, HandMadeCache.directory(("bin", HandMadeCache.directory(("run", HandMadeCache.program(183))))))
    cache.add(2, HandMadeCache.directory(("bin", HandMadeCache.link("\(path(1))/bin"))), references: [1])
    cache.add(3, HandMadeCache.link(path(2)), references: [2])
    cache.add(4, HandMadeCache.directory(("lib", HandMadeCache.directory(("a.so", HandMadeCache.program(62))))))
    for (roots, copied, entrypoint, architecture) in [
      ([2, 4], [2], "/bin/run", "arm64"), ([3, 4], [3], "/bin/run", "arm64"), ([3], [], "\(path(3))/bin/run", "arm64"),
      ([4], [], "/bin/run", "amd64"), ([1], [], nil, "arm64"),
    ] as [([Int], [Int], String?, String)] {
      let image = try await image(cache, roots, copyToRoot: copied, entrypoint: entrypoint).assemble()
      #expect(image.configuration.platform == Platform(architecture: architecture), "\(roots)")
    }
  }

  @Test func whatWouldHideStorePathsIsFoundInArchives() async throws {
    var cache = HandMadeCache()
    cache.add(1, HandMadeCache.directory())
    cache.add(2, HandMadeCache.directory(("nix", HandMadeCache.link("/elsewhere"))), references: [1])
    let store = HandMadeCache.directory((String(path(1).dropFirst(11)), HandMadeCache.directory()))
    cache.add(3, HandMadeCache.directory(("nix", HandMadeCache.directory(("store", store)))), references: [1])
    for (number, text) in [(2, "hide the store paths"), (3, "where the closure's own is")] {
      let error = await #expect(throws: TarballError.self) {
        try await image(cache, [number], copyToRoot: [number]).assemble()
      }
      #expect(error?.code == .conflict && error?.message.contains(text) == true, "\(error?.message ?? "")")
    }
  }

  @Test func layersKeepDepartedPathsThatACacheHas() async throws {
    var cache = HandMadeCache()
    for number in 1...9 {
      cache.add(number, HandMadeCache.file([UInt8](repeating: UInt8(number), count: 1000 * number)))
    }
    var first = try await image(cache, Array(1...9))
    first.maximumLayers = 4
    first.planning.deadShare = 0.2
    let plan = try LayerPlan(recoveredFrom: try await first.assemble().manifest, name: "1")
    func whiteouts(_ cache: HandMadeCache) async throws -> [String] {
      var second = try await image(cache, Array(2...9))
      second.maximumLayers = 4
      second.planning.deadShare = 0.2
      second.planning.previous = plan
      return try LayerPlan(recoveredFrom: try await second.assemble().manifest, name: "2").whiteouts
    }
    #expect(try await whiteouts(cache) == [path(1)])
    cache.remove(1)
    #expect(try await whiteouts(cache) == [])
  }

  @Test func aClosureThatACacheHasInPartNamesWhatIsMissing() async throws {
    var cache = HandMadeCache()
    cache.add(1, HandMadeCache.file([]), references: [2])
    let error = await #expect(throws: AssemblyError.self) { try await image(cache, [1]) }
    #expect(error?.code == .storePathMissing)
    #expect(error?.message.contains(path(2)) == true && error?.message.contains("'\(path(1))' refers") == true)
    let stray = await #expect(throws: AssemblyError.self) { try await cache.caches.closure(of: ["/usr/bin"]) }
    #expect(stray?.code == .storePathMissing)
  }

  @Test func aPathThatIsNowhereIsMissingAndTheCachesAreMeant() async throws {
    var cache = HandMadeCache()
    cache.add(1, HandMadeCache.file([]))
    var image = try await image(cache, [1])
    cache.remove(1)
    image.substitute = cache.caches
    let error = await #expect(throws: AssemblyError.self) { try await image.assemble() }
    #expect(error?.code == .storePathMissing && error?.message.contains("binary cache") == true)
  }
}

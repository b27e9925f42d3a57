import ImageAssembly
import LayerGraph
import OCICore
import Tarball

/// Images and plans for tests of pages.
enum PageSample {
  // MARK: Images

  /// A file of a layer; its content is told by a word.
  static func file(
    _ path: String, _ size: Int64, _ content: String = "", kind: LayerListing.Entry.Kind = .file, mode: UInt32 = 0o644
  ) -> LayerListing.Entry { file(Array(path.utf8), size, content, kind: kind, mode: mode) }

  static func file(
    _ path: [UInt8], _ size: Int64, _ content: String = "", kind: LayerListing.Entry.Kind = .file, mode: UInt32 = 0o644
  ) -> LayerListing.Entry {
    var entry = LayerListing.Entry(path: path, kind: kind)
    entry.mode = mode
    entry.uid = 0
    entry.gid = 0
    if kind == .file {
      entry.size = size
      entry.digest = .of(Array("\(content) \(size)".utf8))
    }
    return entry
  }

  static func image(
    _ name: String, _ layers: [[LayerListing.Entry]], runtime: RuntimeConfiguration = .init(),
    annotations: [String: String] = [:]
  ) throws -> ImagePage.Image {
    let contents = layers.map { entries in
      let text = entries.map { "\($0.name) \($0.size ?? 0) \($0.digest?.hex ?? "")" }.joined(separator: "\n")
      return ImageContents.Layer(diffID: .of(Array(text.utf8)), listing: LayerListing(entries: entries))
    }
    var configuration = ImageConfiguration(platform: try Platform("linux/amd64"))
    configuration.runtime = runtime
    configuration.rootFS.diffIDs = contents.compactMap(\.diffID)
    let descriptors = contents.map { layer in
      let bytes = layer.listing.entries.reduce(Int64(0)) { $0 + ($1.size ?? 0) }
      return Descriptor(
        mediaType: .layerTarGzip, digest: .of(Array("z\(layer.diffID?.hex ?? "")".utf8)), size: bytes / 3 + 100)
    }
    var manifest = ImageManifest(config: .empty, layers: descriptors)
    manifest.annotations = annotations
    return ImagePage.Image(
      name: name, digest: .of(manifest.json.canonicalBytes), manifest: manifest, configuration: configuration,
      contents: try ImageContents(layers: contents, configuration: configuration, annotations: annotations))
  }

  /// What would be run or taken for markup, if anything were.
  static let hostile = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>\u{202E}\"&amp;"

  /// An image of two layers; every text in it that can be is hostile.
  static func hostileImage() throws -> ImagePage.Image {
    var runtime = RuntimeConfiguration()
    runtime.environment = ["PATH=/bin", "X=\(hostile)\n\u{1B}[31m"]
    runtime.labels = ["label \(hostile)": hostile]
    runtime.user = hostile
    runtime.entrypoint = [hostile, ""]
    var owned = file("usr/owned", 300)
    owned.userName = Array(hostile.utf8)
    var link = file("usr/link", 0, kind: .symlink)
    link.linkTarget = Array(hostile.utf8)
    let name = hostile.replacing("/", with: "|")
    return try image(
      hostile,
      [
        [
          file("usr", 0, kind: .directory, mode: 0o755), file("usr/bin", 0, kind: .directory, mode: 0o755),
          file("usr/bin/tool", 700_000, mode: 0o755), file("usr/bin/other", 500_000, mode: 0o4755),
          file("usr/lib", 0, kind: .directory, mode: 0o755), file("usr/lib/one.so", 400_000),
          file("usr/lib/two.so", 90_000),
          file("usr/\(name)", 200_000), owned, link, file("etc/old.conf", 900), file("etc/same.conf", 800, "same"),
        ],
        [
          file(Array("srv/bytes ".utf8) + [0xFF, 0x0A, 0x1B, 0x22, 0xC3, 0xA9], 150_000), file("etc/.wh.old.conf", 0),
          file("etc/same.conf", 800, "same", mode: 0o600), file("usr/lib/two.so", 95_000), file("usr/\(name)2", 44),
        ],
      ], runtime: runtime, annotations: [hostile: hostile])
  }

  /// The image before that one.
  static func earlierImage() throws -> ImagePage.Image {
    var runtime = RuntimeConfiguration()
    runtime.environment = ["PATH=/bin:/usr/bin"]
    return try image(
      "before <b>",
      [[file("usr/bin/tool", 650_000, mode: 0o700), file("usr/gone<b>", 77), file("usr/lib/two.so", 95_000)]],
      runtime: runtime)
  }

  /// An image of many files, in directories of very different sizes.
  static func largeImage(files: Int) throws -> ImagePage.Image {
    var layers: [[LayerListing.Entry]] = Array(repeating: [], count: 12)
    for number in 0..<files {
      // Half of them in one directory, which no picture can show at once.
      let directory = number.isMultiple(of: 2) ? "usr/share/flat" : "opt/p\(number % 37)/d\(number % 101)"
      let size = Int64(number % 997) * Int64(number % 991) + 1
      layers[number % 12].append(file("\(directory)/file-\(number).txt", size))
    }
    return try image("large", layers)
  }

  // MARK: Plans

  static func plan(paths: Int, updates: Int) throws -> PlanPage {
    func graph(_ version: Int) throws -> StoreGraph {
      try StoreGraph(
        (0..<paths).map { number in
          let generation = version / (number % 9 + 1)
          let hash = String(repeating: "abcdefgh", count: 4)
          return .init(
            path: "/nix/store/\(hash)-p\(number)-<b>\(generation)",
            size: Int64((number % 13 + 1) * (number % 7 + 1)) * 100_000)
        })
    }
    let year: Int64 = 1_700_000_000
    let versions = try (0...updates).map { ImageVersion(time: year + Int64($0) * 86_400, graph: try graph($0)) }
    var options = PlanningOptions()
    options.versions = Array(versions.dropLast())
    options.previous = try options.request(for: versions[updates - 1].graph, maximumLayers: 8).plan(with: LeastBytes())
    let request = try options.request(for: versions[updates].graph, maximumLayers: 8)
    let plan = try request.plan(with: LeastBytes())
    let replay = try Replay(versions)
    let strategies: [any PlanningStrategy] =
      [LeastBytes()] + ["largest-first", "nix2container"].compactMap { PlanningStrategies.named($0) }
    return PlanPage(
      plan: plan, explanation: try PlanExplanation(plan, for: request, alternatives: [LargestFirst()]),
      reports: try strategies.map { try replay.run($0, maximumLayers: 8) }, maximumLayers: 8)
  }
}

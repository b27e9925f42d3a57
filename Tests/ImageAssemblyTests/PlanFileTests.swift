import ImageAssembly
import LayerGraph
import OCICore
import OCITesting
import SystemPackage
import Testing

/// Plans in files and in images, and histories.
struct PlanFileTests {
  private let plan = LayerPlan(layers: [
    .init(paths: ["/s/a", "/s/b"], dead: ["/s/gone"], bytes: 130, reason: "two & one"),
    .init(paths: ["/s/c"], bytes: 7, reason: ""),
  ])

  @Test func aPlanIsReadBackAsItWasWritten() throws {
    #expect(try LayerPlan(json: plan.json.canonicalBytes, name: "p") == plan)
    #expect(plan.json.objectValue?["whiteouts"] == .strings(["/s/gone"]))
  }

  @Test func nix2containersLayersFileIsWrittenAndRead() throws {
    #expect(plan.layersFile == .array([.strings(["/s/a", "/s/b"]), .strings(["/s/c"])]))
    let read = try LayerPlan(json: plan.layersFile.canonicalBytes, name: "p")
    #expect(read.layers.map(\.paths) == plan.layers.map(\.paths))
    #expect(read.whiteouts.isEmpty)
  }

  @Test(arguments: [
    (#"{"layers":1}"#, "plan.layers must be a list"), ("{}", "plan.layers is missing"), ("7", "must be an object"),
    (#"[["/a"],[]]"#, "plan[1] has no store path"), (#"[["a"]]"#, "plan[0][0] must be an absolute path"),
    (#"[["/a"],["/a"]]"#, "plan[1] has '/a', as has a layer below it"),
    (#"{"layers":[{"paths":["/a"],"bytes":-1}]}"#, "plan.layers[0].bytes must not be negative"),
    (#"{"layers":[{"dead":["/a"]}]}"#, "plan.layers[0].paths is missing"), ("[", "line 1"),
  ])
  func brokenPlansAreRefused(text: String, reason: String) {
    let error = #expect(throws: AssemblyError.self) { try LayerPlan(json: Array(text.utf8), name: "p.json") }
    #expect(error?.code == .invalidPlan)
    #expect(error?.message.hasPrefix("plan 'p.json': ") == true)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
  }

  @Test func aPlanFileAloneIsEnoughToPlanTheNextVersion() throws {
    func graph(_ version: Int) throws -> StoreGraph {
      try StoreGraph(
        (0..<20).map { index in
          // Each path changes in its own rhythm, and takes those above it along.
          let generation = version / (index % 5 + 2)
          return .init(
            path: "/s/a b%\(index)x-1.\(generation)", size: Int64(1000 * (index + 1)),
            references: index == 0 ? [] : ["/s/a b%\(index - 1)x-1.\(version / ((index - 1) % 5 + 2))"])
        })
    }
    var carried = PlanningOptions()
    var whole = PlanningOptions()
    for version in 0..<12 {
      let graph = try graph(version)
      let request = try carried.request(for: graph, maximumLayers: 6)
      let plan = try request.plan(with: LeastBytes())
      #expect(try whole.request(for: graph, maximumLayers: 6).plan(with: LeastBytes()) == plan)
      let document = try PlanDocument(
        json: PlanDocument(plan: plan, history: request.history).json.canonicalBytes, name: "p")
      #expect(document.history?.text == request.history.text)
      carried.previous = document.plan
      carried.history = document.history
      whole.previous = plan
      whole.versions.append(ImageVersion(time: 0, graph: graph))
    }
  }

  @Test func versionsAfterTheOneThatIsPlannedAreNotLookedAt() throws {
    let versions = try (0..<9).map { version in
      ImageVersion(
        time: Int64(version),
        graph: try StoreGraph(
          (0..<9).map { .init(path: "/s/p\($0)x-\(version % ($0 + 1))", size: Int64(10 * ($0 + 1))) }))
    }
    var options = PlanningOptions()
    options.versions = versions
    let all = try options.request(for: versions[4].graph, maximumLayers: 3).history.text
    options.versions = Array(versions.prefix(4))
    #expect(try options.request(for: versions[4].graph, maximumLayers: 3).history.text == all)
  }

  @Test(arguments: [
    "", "X", "H 2 0 0 0", "H 1 1 0 0\nN a 1 1", "H 1 1 0 0\nT 0", "H 1 1 0 0\nL /a 0", "H 1 1 0 0\nN %zz 1 1 1",
    "H 1 1 0 0\nN a -1 0 0",
  ])
  func brokenHistoriesInPlansAreRefused(text: String) {
    var object = plan.json.objectValue ?? JSON.Object()
    object["history"] = .string(text)
    let error = #expect(throws: AssemblyError.self) {
      try PlanDocument(json: JSON.object(object).canonicalBytes, name: "p")
    }
    #expect(error?.code == .invalidPlan)
  }

  @Test func mutatedDocumentsAreReadOrRefused() throws {
    let whole = PlanDocument(plan: plan, history: ChangeHistory()).json.canonicalBytes
    var random = SeededGenerator(seed: 5)
    var read = 0
    for _ in 0..<3000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        default: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: place)
        }
      }
      guard let document = try? PlanDocument(json: bytes, name: "p") else { continue }
      read += 1
      #expect(try PlanDocument(json: document.json.canonicalBytes, name: "p").plan == document.plan)
    }
    #expect(read > 100)
  }

  @Test func theLargestSizeIsExplainedToo() throws {
    let graph = try StoreGraph([.init(path: "/s/large", size: .max), .init(path: "/s/empty", size: 0)])
    var request = try PlanningRequest(graph, maximumLayers: 1)
    for share in [0, 0.5] {
      request.deadShare = share
      let plan = try request.plan(with: LeastBytes())
      let explanation = try PlanExplanation(plan, for: request, alternatives: PlanningStrategies.all)
      let text = PlanDocument(plan: plan, history: request.history, explanation: explanation).json.prettyText
      #expect(text.contains("9223372036854775807"))
      #expect(PlanPage(plan: plan, explanation: explanation, maximumLayers: 1).html.hasSuffix("</html>\n"))
      request.previous = plan
    }
  }

  @Test func anImageWithoutAPlanSaysSo() {
    let error = #expect(throws: AssemblyError.self) {
      try LayerPlan(recoveredFrom: ImageManifest(config: .empty, layers: []), name: "x")
    }
    #expect(error?.code == .invalidPlan)
  }

  // MARK: Histories

  private static let version =
    #"{"time":1,"images":{"app":["/s/a","/s/b"],"web":["/s/b"]},"graph":[{"path":"/s/a","narSize":5,"references":["/s/b"]},{"path":"/s/b","narSize":7,"references":[]}]}"#

  @Test(arguments: ["plain", "gzip", "zstd", "xz"]) func historiesAreReadInEveryCompression(tool: String) async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("history.jsonl")
      try Self.write(Self.version + "\n" + Self.version.replacing("\"time\":1", with: "\"time\":2") + "\n", to: file)
      var read = file
      if tool != "plain" {
        try await Tool.run(tool, ["-k", "-q", file.string])
        read = FilePath(file.string + ["gzip": ".gz", "zstd": ".zst", "xz": ".xz"][tool, default: ""])
      }
      let history = try await ImageHistory(files: [read])
      #expect(history.images == ["app", "web"])
      #expect(try history.versions(of: "app").map(\.time) == [1, 2])
      #expect(try history.versions(of: "web").first?.graph.nodes.map(\.path) == ["/s/b"])
      #expect(throws: AssemblyError.self) { try history.versions(of: nil) }
      #expect(throws: AssemblyError.self) { try history.versions(of: "other") }
    }
  }

  @Test(arguments: [
    ("{}", "graph must be a list"), (#"{"graph":[{"path":"/a"}]}"#, "version.graph[0].narSize is missing"),
    (#"{"graph":[{"narSize":1}]}"#, "version.graph[0].path must be"), ("[1", "line 1"),
    (#"{"graph":[],"images":{"app":["/a"]}}"#, "'app' has /a, which the graph has not"),
    (#"{"graph":[{"path":"/a","narSize":-1}]}"#, "impossible size"),
  ])
  func brokenHistoriesNameTheLine(text: String, reason: String) async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("h.jsonl")
      try Self.write(Self.version + "\n" + text, to: file)
      let error = await #expect(throws: AssemblyError.self) { try await ImageHistory(files: [file]) }
      #expect(error?.code == .invalidHistory)
      #expect(error?.message.contains("line 2") == true, "\(error?.message ?? "")")
      #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }
  }

  @Test func timeThatGoesBackwardsIsAnError() async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("h.jsonl")
      try Self.write(Self.version + "\n" + Self.version.replacing("\"time\":1", with: "\"time\":0"), to: file)
      let error = await #expect(throws: AssemblyError.self) { try await ImageHistory(files: [file]) }
      #expect(error?.message.contains("version 2") == true)
    }
  }

  @Test func missingFilesAreNamed() async throws {
    let history = await #expect(throws: AssemblyError.self) { try await ImageHistory(files: ["/absent.jsonl.gz"]) }
    #expect(history?.code == .fileUnreadable)
    let plan = #expect(throws: AssemblyError.self) { try PlanDocument(jsonFile: "/absent.json") }
    #expect(plan?.code == .fileUnreadable)
  }

  // MARK: The page

  @Test func thePageStandsAloneAndHidesNoMarkup() throws {
    let graph = try StoreGraph([
      .init(path: "/s/a", size: 100), .init(path: "/s/b<script>", size: 20), .init(path: "/s/c", size: 7),
    ])
    var request = try PlanningRequest(graph, maximumLayers: 2)
    let plan = try request.plan(with: LeastBytes())
    request.previous = plan
    let versions = try (0..<4).map { version in
      ImageVersion(time: Int64(version), graph: try StoreGraph([.init(path: "/s/a\(version)", size: 5)]))
    }
    let replay = try Replay(versions)
    let reports = [
      try replay.run(LeastBytes(), maximumLayers: 2), try replay.run(LargestFirst(), maximumLayers: 2),
    ]
    let page = PlanPage(
      plan: plan, explanation: try PlanExplanation(plan, for: request, alternatives: [LargestFirst()]),
      reports: reports, maximumLayers: 2
    ).html
    #expect(page.hasPrefix("<!DOCTYPE html>"))
    #expect(!page.contains("b<script"))
    #expect(!page.contains("http:") && !page.contains("https:"))
    for part in ["/s/b&lt;script&gt;", #"/s/b\u003cscript>"#, "largest-first", "<polyline", "</html>"] {
      #expect(page.contains(part))
    }
  }

  private static func write(_ text: String, to file: FilePath) throws {
    let descriptor = try FileDescriptor.open(
      file, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    try descriptor.closeAfter { _ = try descriptor.writeAll(text.utf8) }
  }
}

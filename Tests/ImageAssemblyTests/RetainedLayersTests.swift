import Foundation
import ImageAssembly
import LayerGraph
import OCICore
import OCITesting
import SystemPackage
import Tarball
import Testing

/// Versions of an image that keep layers although paths departed.
struct RetainedLayersTests {
  /// A store of small paths, of which a version takes some.
  private func store(in directory: FilePath, _ names: [String]) throws -> [String: StoreGraph.Node] {
    var nodes: [String: StoreGraph.Node] = [:]
    for (index, name) in names.enumerated() {
      let path = directory.appending("store/\(name)")
      try FileManager.default.createDirectory(
        atPath: path.appending("share").string, withIntermediateDirectories: true)
      try FakeStore.write(String(repeating: name, count: 100 * (index + 1)), to: path.appending("share/data"))
      nodes[name] = StoreGraph.Node(path: path.string, size: Int64(100 * (index + 1) * name.utf8.count))
    }
    return nodes
  }

  private let names = ["one-1", "two-1", "three-1", "four-1", "five-1", "six-1", "seven-1", "eight-1", "tiny-1"]

  private func image(_ nodes: [StoreGraph.Node], previous: LayerPlan?, deadShare: Double) throws -> ClosureImage {
    var image = ClosureImage(try StoreGraph(nodes), maximumLayers: 4, encoding: .gzip(level: 1))
    image.planning.previous = previous
    image.planning.deadShare = deadShare
    return image
  }

  @Test(.enabled(if: Tool.areInstalled("umoci")))
  func theMergedTreeIsExactlyTheClosureAndKeptLayersKeepTheirDigests() async throws {
    try await withTemporaryDirectory { directory in
      let nodes = try store(in: directory, names + ["tiny-2"])
      let old = names.compactMap { nodes[$0] }
      let layout = ImageLayoutStore(directory.appending("layout"))
      let first = try await image(old, previous: nil, deadShare: 0.2).assemble()
      try await first.push(to: layout, tags: ["1"])
      // The plan comes back from the image itself.
      let plan = try LayerPlan(recoveredFrom: first.manifest, name: "1")
      #expect(plan.layers.flatMap(\.paths).sorted() == old.map(\.path).sorted())
      let new = (names.dropFirst().dropLast() + ["tiny-2"]).compactMap { nodes[$0] }
      let second = try await image(new, previous: plan, deadShare: 0.2).assemble()
      let report = try await second.push(to: layout, tags: ["2"])
      let kept = Set(first.layers.map(\.descriptor.digest)).intersection(second.layers.map(\.descriptor.digest))
      #expect(kept.count >= 2)
      #expect(report.copiedBlobs.count < second.layers.count + 2)
      let recovered = try LayerPlan(recoveredFrom: second.manifest, name: "2")
      #expect(!recovered.whiteouts.isEmpty)
      #expect(second.layers.count <= 4)

      try await Tool.run("umoci", ["unpack", "--rootless", "--image", "layout:2", "bundle"], in: directory)
      let unpacked = directory.appending("bundle/rootfs").appending(directory.appending("store").components)
      let present = try FileManager.default.contentsOfDirectory(atPath: unpacked.string)
      #expect(Set(present) == Set(names.dropFirst().dropLast() + ["tiny-2"]))
      for node in new {
        let name = try #require(FilePath(node.path).lastComponent?.string)
        let difference = try await TreeSnapshot(of: unpacked.appending(name)).difference(
          from: TreeSnapshot(of: FilePath(node.path)))
        #expect(difference == [])
      }
    }
  }

  @Test func aLayerWhoseDepartedPathIsGoneFromTheMachineIsWrittenAgain() async throws {
    try await withTemporaryDirectory { directory in
      let nodes = try store(in: directory, names)
      let old = names.compactMap { nodes[$0] }
      let first = try await image(old, previous: nil, deadShare: 0.2).assemble()
      let plan = try LayerPlan(recoveredFrom: first.manifest, name: "1")
      let departed = try #require(nodes["one-1"])
      try FileManager.default.removeItem(atPath: departed.path)
      let second = try await image(names.dropFirst().compactMap { nodes[$0] }, previous: plan, deadShare: 0.2)
        .assemble()
      let next = try LayerPlan(recoveredFrom: second.manifest, name: "2")
      #expect(next.whiteouts.isEmpty)
      #expect(next.layers.flatMap(\.paths).count == names.count - 1)
    }
  }

  @Test func withOneLayerNothingCanBeHiddenSoNothingIsKept() async throws {
    try await withTemporaryDirectory { directory in
      let nodes = try store(in: directory, names)
      var image = try image(names.dropFirst().compactMap { nodes[$0] }, previous: nil, deadShare: 0.5)
      image.maximumLayers = 1
      image.planning.previous = LayerPlan(layers: [
        .init(names.compactMap { nodes[$0] }, reason: "all")
      ])
      let assembled = try await image.assemble()
      #expect(assembled.layers.count == 1)
      #expect(try LayerPlan(recoveredFrom: assembled.manifest, name: "x").whiteouts.isEmpty)
    }
  }
}

import LayerGraph
import Testing

/// What a graph accepts, and how it refuses.
struct StoreGraphTests {
  private func node(_ path: String, _ size: Int64 = 1, _ references: [String] = []) -> StoreGraph.Node {
    StoreGraph.Node(path: path, size: size, references: references)
  }

  @Test func referencesOfAPathToItselfAreLeftOut() throws {
    let graph = try StoreGraph([node("/a", 1, ["/a", "/b", "/b"]), node("/b")])
    #expect(graph.nodes.map(\.references) == [["/b"], []])
    #expect(graph.outsideReferences.isEmpty)
  }

  @Test func pathsThatReferToThemselvesAreKnownAndMakeNoDifference() throws {
    let graph = try StoreGraph([node("/b", 1, ["/b"]), node("/a", 1, ["/b", "/a"]), node("/c")])
    #expect(graph.selfReferences == ["/a", "/b"])
    let plain = try StoreGraph([node("/a", 1, ["/b"]), node("/b"), node("/c")])
    #expect(graph == plain)
    #expect(graph.hashValue == plain.hashValue)
    #expect(try StoreGraph(union: [plain, graph]).selfReferences == ["/a", "/b"])
  }

  @Test func referencesOutOfTheGraphAreKeptApart() throws {
    let graph = try StoreGraph([node("/b", 1, ["/z", "/y"]), node("/a", 1, ["/z"])])
    #expect(graph.outsideReferences.map { "\($0.from)>\($0.to)" } == ["/a>/z", "/b>/y", "/b>/z"])
    #expect(graph.nodes.flatMap(\.references) == [])
  }

  @Test func theOrderOfTheInputDoesNotMatter() throws {
    let nodes = [node("/a", 3, ["/b", "/c"]), node("/b", 2, ["/c"]), node("/c")]
    #expect(try StoreGraph(nodes) == StoreGraph(nodes.reversed()))
  }

  @Test func oneDescriptionGivenTwiceIsFineAndTwoAreAContradiction() throws {
    #expect(try StoreGraph([node("/a"), node("/a")]).nodes.count == 1)
    let error = #expect(throws: LayerGraphError.self) { try StoreGraph([node("/a", 1), node("/a", 2)]) }
    #expect(error?.code == .contradiction)
    #expect(error?.message.contains("/a") == true)
  }

  @Test func aChainOfAHundredThousandPathsIsNoProblem() throws {
    let graph = try StoreGraph((0..<100_000).map { node("/\($0)", 1, ["/\($0 + 1)"]) })
    #expect(graph.outsideReferences.count == 1)
  }

  @Test(arguments: [[-1], [Int64.max, 1]]) func impossibleSizesAreRefused(sizes: [Int64]) {
    let error = #expect(throws: LayerGraphError.self) {
      try StoreGraph(sizes.enumerated().map { node("/\($0)", $1) })
    }
    #expect(error?.code == .invalidSize)
  }
}

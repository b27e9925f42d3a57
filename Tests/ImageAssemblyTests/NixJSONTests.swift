import ImageAssembly
import LayerGraph
import Testing

/// Every shape of closure that Nix prints gives the same graph; anything else is refused by file, line and field.
struct NixJSONTests {
  private static let glibc = "/nix/store/00000000000000000000000000000000-glibc-2.40"
  private static let hello = "/nix/store/11111111111111111111111111111111-hello-2.12"

  private func graph(_ text: String) throws -> StoreGraph {
    try StoreGraph(nixJSON: Array(text.utf8), name: "closure.json")
  }

  private var expected: StoreGraph {
    get throws {
      try StoreGraph([
        .init(path: Self.glibc, size: 30), .init(path: Self.hello, size: 2, references: [Self.glibc]),
      ])
    }
  }

  /// Documents from registries may not have so many; a closure is the user's own.
  @Test func aClosureMayHaveMillionsOfValues() throws {
    let values = Array(repeating: "0", count: 1_050_000).joined(separator: ",")
    let text = #"[{"path":"\#(Self.glibc)","narSize":30,"references":[],"x":[\#(values)]}]"#
    #expect(try graph(text).nodes.count == 1)
  }

  @Test(arguments: [
    // exportReferencesGraph, structured attributes
    #"[{"path":"GLIBC","narSize":30,"narHash":"sha256:x","closureSize":30,"references":["GLIBC"]},{"path":"HELLO","narSize":2,"references":["GLIBC","HELLO"]}]"#,
    // the whole attributes file, and under a name of one's own
    #"{"outputs":{"out":"/nix/store/o"},"graph":[{"path":"HELLO","narSize":2,"references":["GLIBC"]},{"path":"GLIBC","narSize":30,"references":[]}]}"#,
    #"{"system":"x","closure":[{"path":"HELLO","narSize":2,"references":["GLIBC"]},{"path":"GLIBC","narSize":30,"references":[]}]}"#,
    // nix path-info --json -r, old and new
    #"[{"path":"HELLO","valid":true,"narSize":2,"references":["HELLO","GLIBC"],"registrationTime":1,"signatures":[]},{"path":"GLIBC","narSize":30,"references":[],"ultimate":true}]"#,
    #"{"HELLO":{"narSize":2,"references":["GLIBC"],"ca":null,"deriver":null},"GLIBC":{"narSize":30,"references":[]}}"#,
    #"{"version":2,"storeDir":"/nix/store","info":{"HELLO_BASE":{"narSize":2,"references":["GLIBC_BASE"]},"GLIBC_BASE":{"narSize":30,"references":[]}}}"#,
  ])
  func everyShapeGivesTheSameGraph(text: String) throws {
    let filled =
      text
      .replacing("GLIBC_BASE", with: Self.glibc.dropFirst(11)).replacing("HELLO_BASE", with: Self.hello.dropFirst(11))
      .replacing("GLIBC", with: Self.glibc).replacing("HELLO", with: Self.hello)
    #expect(try graph(filled) == expected)
  }

  @Test(arguments: [
    ("[{\n\"path\": }]", "line 2, column 9"),
    ("[]", "no store path"),
    ("{}", "no member 'graph'"),
    ("7", "must be a list or an object"),
    (#"[7]"#, "closure[0] must be an object"),
    (#"[{"narSize":1,"references":[]}]"#, "closure[0].path is missing"),
    (#"[{"path":"relative","narSize":1,"references":[]}]"#, "closure[0].path must be an absolute path"),
    (#"[{"path":"/nix/store/../../etc","narSize":1,"references":[]}]"#, "closure[0].path must be an absolute path"),
    (#"[{"path":"/a","references":[]}]"#, "closure[0].narSize is missing"),
    (#"[{"path":"/a","narSize":"1","references":[]}]"#, "closure[0].narSize must be a whole number"),
    (#"[{"path":"/a","narSize":-1,"references":[]}]"#, "closure[0].narSize must not be negative"),
    (#"[{"path":"/a","narSize":1}]"#, "closure[0].references is missing"),
    (#"[{"path":"/a","narSize":1,"references":[1]}]"#, "closure[0].references[0] must be a string"),
    (#"{"graph":[{"path":"/a","narSize":1,"references":["x"]}]}"#, "closure.graph[0].references[0] must be"),
    (#"[{"path":"/a","valid":false}]"#, "'/a' is not valid in the store"),
    (#"{"/a":null}"#, "'/a' is not valid in the store"),
    (#"{"/a":{"narSize":1,"references":3}}"#, #"closure["/a"].references must be a list"#),
  ])
  func brokenClosuresAreRefused(text: String, reason: String) {
    let error = #expect(throws: AssemblyError.self) { try graph(text) }
    #expect(error?.code == .invalidClosure)
    #expect(error?.message.hasPrefix("closure 'closure.json': ") == true)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
  }

  @Test func aCycleIsReadForPlansAndRefusedForImages() async throws {
    let text = #"[{"path":"/a","narSize":1,"references":["/b"]},{"path":"/b","narSize":1,"references":["/a"]}]"#
    let graph = try graph(text)
    #expect(graph.cycle == ["/a", "/b"])
    let error = await #expect(throws: AssemblyError.self) { try await ClosureImage(graph).assemble() }
    #expect(error?.code == .cyclicClosure)
    #expect(error?.message.contains("/a -> /b -> /a") == true)
  }

  @Test func referencesOutOfTheClosureAreKeptForTheBuildToDecide() throws {
    let graph = try graph(#"[{"path":"/a","narSize":1,"references":["/gone"]}]"#)
    #expect(graph.outsideReferences.map(\.to) == ["/gone"])
  }
}

import OCICore
import Testing

/// Nothing is lost: not when a value is written and read, nor when a document is read and written, nor in an edit.
struct LosslessTests {
  private static let seeds: [UInt64] = Array(0..<150)

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  // MARK: Any value, written and read

  private func checkRoundTrip<Value: ImageDocument>(_ value: Value, _ random: inout RandomDocuments) throws {
    let bytes = value.canonicalBytes
    let again = try Value(parsing: bytes)
    #expect(again == value)
    #expect(again.canonicalBytes == bytes)
    // The order of members says nothing.
    let disguised = random.disguised(value.json)
    #expect(try Value(parsing: disguised).validate() == value.validate())
    let document = try Document<Value>(parsing: disguised)
    #expect(document.bytes == disguised)
    #expect(document.digest == Digest.of(disguised))
    #expect(try document.edited { _ in } == document)
    #expect(try document.edited { $0 = $0 }.bytes == disguised)
  }

  @Test(arguments: seeds) func anyValueIsReadAsItWasWritten(seed: UInt64) throws {
    var random = RandomDocuments(seed: seed)
    try checkRoundTrip(random.manifest(), &random)
    try checkRoundTrip(random.index(), &random)
    try checkRoundTrip(random.configuration(), &random)
    let descriptor = random.descriptor()
    #expect(try Descriptor(descriptor.json, path: "x") == descriptor)
    let runtime = random.runtime()
    #expect(try RuntimeConfiguration(runtime.json, path: "x") == runtime)
  }

  /// An edit of one member leaves the text of every other as it is.
  @Test(arguments: seeds) func anEditChangesNothingElse(seed: UInt64) throws {
    var random = RandomDocuments(seed: seed)
    let source = random.disguised(random.configuration().json)
    let before = try Document<ImageConfiguration>(parsing: source)
    let after = try before.edited { $0.author = "the editor" }
    var expected = try JSON(parsing: source).objectValue ?? JSON.Object()
    let hadAuthor = expected["author"] != nil
    expected["author"] = .string("the editor")
    let result = try JSON(parsing: after.bytes).objectValue
    if hadAuthor {
      #expect(after.bytes == JSON.object(expected).canonicalBytes)
    } else {
      #expect(result?["author"] == .string("the editor"))
      expected["author"] = nil
      var rest = result
      rest?["author"] = nil
      #expect(rest == expected)
    }
    #expect(after.value.author == "the editor")
    #expect(try Document<ImageConfiguration>(parsing: after.bytes).value == after.value)
    // There and back again is where we were, but for spaces.
    let back = try after.edited { $0.author = before.value.author }
    #expect(try JSON(parsing: back.bytes) == JSON(parsing: source))
  }

  /// Whatever a document is changed into, that is what it says.
  private func checkEdit<Value: ImageDocument>(_ old: Value, _ new: Value, _ random: inout RandomDocuments) throws {
    let document = try Document<Value>(parsing: random.disguised(old.json))
    do {
      let edited = try document.edited { $0 = new }
      #expect(sorted(try Value(parsing: edited.bytes).json) == sorted(new.json))
    } catch let error as OCIError {
      #expect(error.code == .invalidDocument)
      #expect(!new.validate().errors.isEmpty)
    }
  }

  /// Members in the order of their names, which says nothing.
  private func sorted(_ json: JSON) -> JSON {
    switch json {
    case .array(let elements): return .array(elements.map(sorted))
    case .object(let object):
      var result = JSON.Object()
      for member in object.members.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
        result[member.name] = sorted(member.value)
      }
      return .object(result)
    default: return json
    }
  }

  @Test(arguments: seeds) func anEditedDocumentSaysWhatItWasChangedInto(seed: UInt64) throws {
    var random = RandomDocuments(seed: seed)
    try checkEdit(random.manifest(), random.manifest(), &random)
    try checkEdit(random.index(), random.index(), &random)
    try checkEdit(random.configuration(), random.configuration(), &random)
    let old = random.configuration()
    var new = ImageConfiguration(platform: .init(architecture: "arm64"), diffIDs: old.diffIDs)
    new.runtime.labels = ["z": "1", "a": "2"]
    new.runtime.other = old.runtime.other
    new.other = random.others()
    #expect(new.validate().errors == [])
    try checkEdit(old, new, &random)
  }

  // MARK: Documents of other tools

  /// Odd in every way that Go's decoder reads: case, order, nulls, unknown members, exotic numbers, escapes.
  private static let odd = """
    {
      "architecture" : "amd64", "OS":"linux", "created":"0001-01-01T00:00:00Z",
      "rootfs": {"diff_ids": ["sha256:\(String(repeating: "0", count: 64))"], "type": "layers", "extra": 1.50},
      "config": {"Labels":null, "cmd":["\\u0041\\/"], "Hostname":"", "ExposedPorts":{"80/tcp":{"odd":true}},
        "Healthcheck":{"Interval":1000000000,"test":["CMD","x"],"Z":1e3}, "OnBuild":[], "Shell":["/bin/sh"], "ArgsEscaped":true},
      "docker_version": "24", "history": [{"v":null,"created_by":"a"}], "zzz":[{"b":1,"a":2}]
    }
    """

  @Test func anEditOfAnOddDocumentTouchesThePlaceAlone() throws {
    let document = try Document<ImageConfiguration>(parsing: Array(Self.odd.utf8))
    let runtime = document.value.runtime
    #expect(runtime.command == ["A/"])
    #expect(runtime.exposedPorts == ["80/tcp"])
    #expect(runtime.healthCheck?.interval == .seconds(1))
    #expect(runtime.healthCheck?.test == ["CMD", "x"])
    let edited = try document.edited {
      $0.runtime.labels["a"] = "b"
      $0.runtime.command?.append("C")
      $0.runtime.exposedPorts.insert("81")
      $0.history[0].comment = "hello"
      $0.runtime.user = "1000"
    }
    #expect(
      text(edited.bytes) == """
        {"architecture":"amd64","OS":"linux","created":"0001-01-01T00:00:00Z","rootfs":{"diff_ids":["sha256:\(String(repeating: "0", count: 64))"],"type":"layers","extra":1.50},"config":{"User":"1000","Labels":{"a":"b"},"cmd":["A/","C"],"Hostname":"","ExposedPorts":{"80/tcp":{"odd":true},"81":{}},"Healthcheck":{"Interval":1000000000,"test":["CMD","x"],"Z":1e3},"OnBuild":[],"Shell":["/bin/sh"],"ArgsEscaped":true},"docker_version":"24","history":[{"v":null,"created_by":"a","comment":"hello"}],"zzz":[{"b":1,"a":2}]}
        """)
  }

  @Test func layersThatStayKeepTheirTextWhereverTheyGo() throws {
    func descriptor(_ letter: String) -> String {
      #"{"size":1,"digest":"sha256:\#(String(repeating: letter, count: 64))","mediaType":"a/b","x":1.0}"#
    }
    let (a, b, c) = (descriptor("a"), descriptor("b"), descriptor("c"))
    let source = #"{"layers":[\#(a),\#(b),\#(c)],"config":\#(descriptor("d")),"schemaVersion":2}"#
    let document = try Document<ImageManifest>(parsing: Array(source.utf8))
    let digest = Digest.of([])
    func layers(_ change: (inout [Descriptor]) -> Void) throws -> String {
      let edited = try document.edited { change(&$0.layers) }
      return text(edited.bytes).replacing(#","config":\#(descriptor("d")),"schemaVersion":2}"#, with: "")
        .replacing(#"{"layers":"#, with: "")
    }
    let new = Descriptor(mediaType: .layerTar, digest: digest, size: 5)
    let newText = #"{"mediaType":"\#(MediaType.layerTar)","digest":"\#(digest)","size":5}"#
    #expect(try layers { $0.append(new) } == "[\(a),\(b),\(c),\(newText)]")
    #expect(try layers { $0.insert(new, at: 0) } == "[\(newText),\(a),\(b),\(c)]")
    #expect(try layers { $0.remove(at: 1) } == "[\(a),\(c)]")
    #expect(try layers { $0.removeAll() } == "[]")
    #expect(
      try layers { $0[1].size = 2 } == "[\(a),\(b.replacing(#""size":1"#, with: #""size":2"#)),\(c)]")
    #expect(
      try layers {
        $0.remove(at: 1)
        $0.insert(new, at: 0)
        $0.append(new)
      } == "[\(newText),\(a),\(c),\(newText)]")
  }

  @Test(arguments: [
    #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"DIGEST","size":1},"layers":null}"#,
    #"{"SchemaVersion":2,"CONFIG":{"MediaType":"a/b","Digest":"DIGEST","Size":1},"Layers":[]}"#,
    #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"DIGEST","size":1},"annotations":null,"subject":null}"#,
  ])
  func aManifestIsReadAsGoReadsIt(source: String) throws {
    let bytes = Array(source.replacing("DIGEST", with: "sha256:" + String(repeating: "0", count: 64)).utf8)
    let document = try Document<ImageManifest>(parsing: bytes)
    #expect(document.value.layers == [])
    #expect(document.value.config.size == 1)
    #expect(document.bytes == bytes)
    #expect(document.value.canonicalBytes.starts(with: #"{"schemaVersion":2,"mediaType":"#.utf8))
  }

  @Test func namesAreFoldedAsGoFoldsThem() throws {
    let source =
      "{\"architecture\":\"a\",\"o\u{17F}\":\"linux\",\"rootf\u{17F}\":{\"type\":\"layers\"},\"config\":{\"Wor\u{212A}ingDir\":\"/w\"}}"
    let document = try Document<ImageConfiguration>(parsing: Array(source.utf8))
    #expect(document.value.platform.os == "linux")
    #expect(document.value.runtime.workingDirectory == "/w")
    let edited = try document.edited { $0.runtime.workingDirectory = "/x" }
    #expect(text(edited.bytes) == source.replacing("/w", with: "/x"))
  }

  @Test func aLayerWithoutASizeIsReadAndReportedAndStaysAsItIs() throws {
    let digest = String(repeating: "0", count: 64)
    let source =
      #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:\#(digest)","size":1},"layers":[{"mediaType":"a/b","digest":"sha256:\#(digest)"}]}"#
    let document = try Document<ImageManifest>(parsing: Array(source.utf8))
    #expect(!document.value.layers[0].hasSize)
    #expect(document.value.validate().errors.map(\.path) == ["$.layers[0].size"])
    // What was wrong before may stay; it is written as it was.
    let edited = try document.edited { $0.annotations["a"] = "b" }
    #expect(text(edited.bytes) == source.dropLast() + #","annotations":{"a":"b"}}"#)
    let mended = try document.edited { $0.layers[0].size = 3 }
    #expect(mended.value.layers[0].hasSize)
    #expect(mended.value.validate().errors == [])
    #expect(text(mended.bytes).contains(#""digest":"sha256:\#(digest)","size":3}]"#))
  }

  @Test func aNewDocumentThatBreaksARuleIsNotWritten() throws {
    let config = Descriptor(mediaType: .imageConfiguration, digest: .of([1]), size: -1)
    let error = #expect(throws: OCIError.self) { try Document(ImageManifest(config: config, layers: [])) }
    #expect(error?.code == .invalidDocument)
    #expect(error?.message.contains("$.config.size") == true)
    let good = try Document(
      ImageManifest(config: .init(mediaType: .imageConfiguration, digest: .of([1]), size: 1), layers: []))
    #expect(throws: OCIError.self) { try good.edited { $0.config.size = -1 } }
  }

  @Test func textsThatAreMeantForTwoReadersAreRefused() {
    let digest = String(repeating: "0", count: 64)
    let config = #""config":{"mediaType":"a/b","digest":"sha256:\#(digest)","size":1}"#
    for source in [
      #"{"schemaVersion":2,\#(config),"layers":[],"manifests":[]}"#,
      #"{"schemaVersion":2,\#(config),"layers":[],"Layers":[]}"#,
      // Go's decoder takes a long s for an s, and the Kelvin sign for a k.
      #"{"schemaVersion":2,\#(config),"layers":[],"layer\#u{17F}":[]}"#,
      #"{"schemaVersion":2,\#(config),"layers":[],"manife\#u{17F}ts":[]}"#,
      #"{"schemaVersion":2,\#(config),"layers":[],"layers":[]}"#,
    ] {
      #expect(throws: OCIError.self) { try ImageManifest(parsing: Array(source.utf8)) }
    }
    #expect(throws: OCIError.self) {
      try ImageIndex(parsing: Array(#"{"schemaVersion":2,"manifests":[],"layers":[]}"#.utf8))
    }
  }
}

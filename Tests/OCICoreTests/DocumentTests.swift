import OCICore
import Testing

/// Manifests, indexes and configurations keep what they do not know, and name the field that is wrong.
struct DocumentTests {
  private static let digest = "sha256:" + String(repeating: "0", count: 64)

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test func aManifestKeepsUnknownMembers() throws {
    let source = """
      {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(Self.digest)","size":7,"x-extra":[1]},"layers":[],"subject":{"mediaType":"a/b","digest":"\(Self.digest)","size":1,"y":true},"annotations":{"a":"1","b":"2"},"z":{"y":true}}
      """
    #expect(text(try ImageManifest(parsing: Array(source.utf8)).canonicalBytes) == source)
  }

  @Test func anIndexKeepsUnknownMembers() throws {
    let source = """
      {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\(Self.digest)","size":7,"annotations":{"org.opencontainers.image.ref.name":"x"},"data":"e30=","platform":{"architecture":"arm64","os":"linux","os.version":"1","variant":"v8","features":[]}}],"z":1}
      """
    #expect(text(try ImageIndex(parsing: Array(source.utf8)).canonicalBytes) == source)
  }

  @Test func aConfigurationKeepsDockersMembers() throws {
    let source = """
      {"created":"1970-01-01T00:00:01Z","architecture":"amd64","os":"linux","config":{"User":"1","ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Entrypoint":["/x"],"ArgsEscaped":true,"Healthcheck":{"Test":["CMD"],"Interval":30000000000,"Q":1},"Hostname":"h"},"rootfs":{"type":"layers","diff_ids":["\(Self.digest)"]},"history":[{"created_by":"x","empty_layer":true,"q":1}],"container":"abc"}
      """
    #expect(text(try ImageConfiguration(parsing: Array(source.utf8)).canonicalBytes) == source)
  }

  @Test(arguments: [
    (#"{"schemaVersion":1}"#, "manifest.schemaVersion"), (#"{"schemaVersion":2}"#, "manifest.config"),
    (#"{"schemaVersion":2,"config":[],"layers":[]}"#, "manifest.config"),
    (#"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"x","size":1},"layers":[]}"#, "manifest.config.digest"),
    (
      #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"DIGEST","size":-1},"layers":[]}"#,
      "manifest.config.size"
    ),
    (
      #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"DIGEST","size":1},"layers":[{"mediaType":7}]}"#,
      "manifest.layers[0].mediaType"
    ),
  ])
  func aWrongFieldIsNamed(source: String, field: String) {
    let bytes = Array(source.replacing("DIGEST", with: Self.digest).utf8)
    let error = #expect(throws: OCIError.self) { try ImageManifest(parsing: bytes) }
    #expect(error?.message.hasPrefix(field + " ") == true, "\(error?.message ?? "")")
  }

  @Test func runtimeMembersMayBeInAnyCase() throws {
    let lower = #"{"entrypoint":["/x"],"env":["A=b"],"exposedports":{"80":{}},"workingdir":"/w","cmd":["y"]}"#
    let upper = #"{"Entrypoint":["/x"],"Env":["A=b"],"ExposedPorts":{"80":{}},"WorkingDir":"/w","Cmd":["y"]}"#
    let one = try RuntimeConfiguration(JSON(parsing: lower), path: "config")
    #expect(try one == RuntimeConfiguration(JSON(parsing: upper), path: "config"))
    #expect(one.entrypoint == ["/x"])
    #expect(throws: OCIError.self) {
      try RuntimeConfiguration(JSON(parsing: #"{"env":[],"Env":[]}"#), path: "config")
    }
  }

  @Test(arguments: [
    (#"{"Env":[1]}"#, "config.Env[0]"), (#"{"Env":"A=b"}"#, "config.Env"), (#"{"Cmd":[1]}"#, "config.Cmd[0]"),
    (#"{"Labels":{"a":1}}"#, "config.Labels.a"), (#"{"Entrypoint":{}}"#, "config.Entrypoint"),
  ])
  func aWrongRuntimeMemberIsNamed(source: String, field: String) {
    let error = #expect(throws: OCIError.self) {
      try RuntimeConfiguration(JSON(parsing: source), path: "config")
    }
    #expect(error?.message.hasPrefix(field + " ") == true)
  }

  @Test func aChainIDNamesALayerAndAllBelowIt() {
    let (a, b, c) = (Digest.of([1]), Digest.of([2]), Digest.of([3]))
    let ab = Digest.of(Array("\(a) \(b)".utf8))
    let abc = Digest.of(Array("\(ab) \(c)".utf8))
    #expect(ImageConfiguration.RootFS(diffIDs: [a, b, c]).chainIDs == [a, ab, abc])
    #expect(ImageConfiguration.RootFS().chainIDs == [])
  }
}

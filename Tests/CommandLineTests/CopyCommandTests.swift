import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// `flywheel copy`, `login` and `logout` as they are run.
struct CopyCommandTests {
  private static var program: String {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("flywheel").path
  }

  private func run(
    _ arguments: [String], in directory: FilePath, environment: [String: String] = [:], input: String? = nil
  ) async throws -> Tool.Result {
    var home = [
      "HOME": directory.string, "XDG_RUNTIME_DIR": directory.string, "XDG_CONFIG_HOME": "", "DOCKER_CONFIG": "",
      "DOCKER_AUTH_CONFIG": "", "REGISTRY_AUTH_FILE": "",
    ]
    home.merge(environment) { $1 }
    return try await Tool.result(
      of: Self.program, arguments, in: directory, environment: home, input: input.map { Array($0.utf8) })
  }

  private func layout(in directory: FilePath, seed: UInt64 = 1, tag: String = "t") async throws -> SampleImage {
    let image = SampleImage(seed: seed, layerSizes: [1000, 300_000])
    try await image.push(to: ImageLayoutStore(directory.appending("layout")), tags: [tag])
    return image
  }

  @Test func imagesGoAroundThroughEveryKindOfPlace() async throws {
    try await withTemporaryDirectory { directory in
      let image = try await layout(in: directory)
      try await withTestRegistry { registry in
        let remote = "docker://\(registry.server.address)/team/app"
        for (source, destination) in [
          ("oci:layout:t", "\(remote):1"), ("\(remote):1", "oci-archive:a.tar:2"),
          ("oci-archive:a.tar:2", "\(remote):3"),
          ("\(remote)@\(image.manifest.digest)", "oci:back:4"), ("oci-archive:a.tar", "oci:other"),
        ] {
          let result = try await run(["copy", "-q", source, destination], in: directory)
          #expect(result.status == 0, "\(source) to \(destination): \(result.errors)")
          #expect(result.output.hasPrefix("\(image.manifest.digest) "))
        }
        #expect(try await registry.repository().resolve("3") == image.manifest)
        #expect(try await ImageLayoutStore(directory.appending("back")).resolve("4")?.digest == image.manifest.digest)
        #expect(try await ImageLayoutStore(directory.appending("back")).validate() == [])
        // The second time nothing but questions are asked.
        registry.server.forgetRequests()
        #expect(try await run(["copy", "-q", "oci:layout:t", "\(remote):1"], in: directory).status == 0)
        #expect(registry.server.requests.map(\.method) == ["HEAD"])
      }
    }
  }

  @Test func manyCopiesHaveOneReportAndOneFailureDoesNotStopTheOthers() async throws {
    try await withTemporaryDirectory { directory in
      let image = try await layout(in: directory)
      var manners = RegistryManners()
      manners.separatesRepositories = true
      try await withTestRegistry(manners: manners) { registry in
        let remote = "docker://\(registry.server.address)"
        let pairs = """
          # a comment
          oci:layout:t \(remote)/team/a:1
          oci:layout:none \(remote)/team/b:1

          oci:layout:t \(remote)/team/c:1
          """
        try Data(pairs.utf8).write(to: URL(fileURLWithPath: directory.appending("pairs").string))
        let result = try await run(["copy", "--from-file", "pairs", "--json", "-q"], in: directory)
        #expect(result.status == 80)
        let copies = try #require(try JSON(parsing: result.output).objectValue?["copies"]?.arrayValue)
        #expect(copies.map { $0.objectValue?["error"] == nil } == [true, false, true])
        #expect(result.errors.contains("oci:layout:none"))
        for name in ["team/a", "team/c"] {
          #expect(try await registry.repository(name).resolve("1") == image.manifest)
        }
        // What both have was uploaded once and mounted once.
        let uploaded = registry.server.requests.reduce(0) { $0 + $1.bodyBytes }
        #expect(uploaded < 2 * 300_000)
      }
    }
  }

  @Test func severalTagsOfOneImageAreOneCopy() async throws {
    try await withTemporaryDirectory { directory in
      let image = try await layout(in: directory)
      try await withTestRegistry { registry in
        let remote = "docker://\(registry.server.address)/team/app"
        let result = try await run(
          ["copy", "-q", "--json", "oci:layout:t", "\(remote):1", "oci:layout:t", "\(remote):latest"], in: directory)
        #expect(result.status == 0, "\(result.errors)")
        let copies = try #require(try JSON(parsing: result.output).objectValue?["copies"]?.arrayValue)
        #expect(copies.count == 1 && copies[0].objectValue?["destination"]?.stringValue == remote)
        #expect(registry.count("PUT", "/manifests/") == 1)
        for tag in ["1", "latest"] { #expect(try await registry.repository().resolve(tag) == image.manifest) }
      }
    }
  }

  @Test func aDryRunSaysWhatWouldBeSentAndSendsNothing() async throws {
    try await withTemporaryDirectory { directory in
      let image = try await layout(in: directory)
      try await withTestRegistry { registry in
        let remote = "docker://\(registry.server.address)/team/app:1"
        let result = try await run(["copy", "--dry-run", "oci:layout:t", remote], in: directory)
        #expect(result.status == 0 && result.output.contains("would send") && result.output.contains("set tag 1"))
        for blob in image.blobs { #expect(result.output.contains("send \(blob.descriptor.digest)")) }
        #expect(registry.server.requests.allSatisfy { $0.method == "HEAD" })
        let json = try await run(["copy", "--dry-run", "--json", "oci:layout:t", remote], in: directory)
        let plan = try JSON(parsing: json.output).objectValue?["copies"]?.arrayValue?[0].objectValue?["plan"]
        #expect(plan?.objectValue?["send"]?.arrayValue?.count == image.blobs.count + 1)
      }
    }
  }

  @Test func eventsAreObjectsOnRequest() async throws {
    try await withTemporaryDirectory { directory in
      _ = try await layout(in: directory)
      try await withTestRegistry { registry in
        registry.server.faults.answers = [
          .init(method: "POST", path: "/uploads/", status: 503, headers: ["Retry-After": "0"], times: 3)
        ]
        let remote = "docker://\(registry.server.address)/team/app:1"
        let result = try await run(["copy", "--progress", "json", "oci:layout:t", remote], in: directory)
        let events = try result.errors.split(separator: "\n").map {
          try #require(JSON(parsing: String($0)).objectValue?["event"]?.stringValue)
        }
        #expect(Set(["queued", "sent", "done", "retrying", "published", "request", "tagged"]).isSubset(of: events))
      }
    }
  }

  @Test func failuresHaveCodesOfTheirOwn() async throws {
    try await withTemporaryDirectory { directory in
      _ = try await layout(in: directory)
      func status(_ destination: String, source: String = "oci:layout:t", _ more: [String] = []) async throws -> Int32 {
        try await run(["copy", "-q", "--attempts", "1", source, destination] + more, in: directory).status
      }
      #expect(try await status("docker://127.0.0.1:1/team/app:1") == 69)
      #expect(try await status("docker://app") == 78)
      #expect(try await status("oci:back:1", source: "oci:layout:none") == 80)
      #expect(try await status("oci:back:1", source: "oci:layout:t", ["oci:odd"]) == 64)
      try await withTestRegistry { registry in
        let remote = "docker://\(registry.server.address)/team/app:1"
        let refuse = { (status: Int, code: String) in
          registry.server.faults.answers = [
            .init(
              method: "POST", path: "/uploads/", status: status,
              body: #"{"errors":[{"code":"\#(code)","message":"no"}]}"#, times: 10)
          ]
        }
        refuse(403, "DENIED")
        #expect(try await status(remote) == 77)
        refuse(409, "QUOTA")
        #expect(try await status(remote) == 79)
        refuse(503, "UNAVAILABLE")
        #expect(try await status(remote) == 69)
        registry.server.faults.answers = []
        try Data("{}".utf8).write(
          to: URL(fileURLWithPath: directory.appending("layout/index.json").string))
        #expect(try await status(remote) == 65)
      }
    }
  }

  @Test func aLoginIsCheckedKeptAndForgotten() async throws {
    try await withTemporaryDirectory { directory in
      let image = try await layout(in: directory)
      var faults = RegistryFaults()
      faults.authentication = .bearer(Credentials(user: "alice", password: "s3cret"))
      try await withTestRegistry(faults: faults) { registry in
        let host = registry.server.address
        let remote = "docker://\(host)/team/app:1"
        let login = ["login", host, "--username", "alice", "--password-stdin"]
        let wrong = try await run(login, in: directory, input: "wrong\n")
        #expect(wrong.status == 77 && !FileManager.default.fileExists(atPath: directory.appending(".docker").string))
        #expect(try await run(["copy", "-q", "oci:layout:t", remote], in: directory).status == 77)
        let right = try await run(login, in: directory, input: "s3cret\n")
        #expect(right.status == 0, "\(right.errors)")
        #expect(!(right.output + right.errors + wrong.errors).contains("s3cret"))
        #expect(try await run(["copy", "-q", "oci:layout:t", remote], in: directory).status == 0)
        if Tool.areInstalled("skopeo") {
          let text = try await Tool.result(
            of: "skopeo", ["inspect", "--tls-verify=false", remote], in: directory,
            environment: ["HOME": directory.string, "DOCKER_CONFIG": directory.appending(".docker").string])
          #expect(text.output.contains("\(image.manifest.digest)"), "\(text.errors)")
        }
        #expect(try await run(["logout", host], in: directory).status == 0)
        #expect(try await run(["copy", "-q", remote, "oci:back:1"], in: directory).status == 77)
        // Without a file to write to, from standard input.
        let auth = #"{"auths":{"\#(host)":{"auth":"\#(Data("alice:s3cret".utf8).base64EncodedString())"}}}"#
        let piped = try await run(
          ["copy", "-q", "--auth-stdin", remote, "oci:back:1"], in: directory, input: auth)
        #expect(piped.status == 0, "\(piped.errors)")
      }
    }
  }

  @Test func onePlatformOfAnIndexOrTheWhole() async throws {
    try await withTemporaryDirectory { directory in
      let store = ImageLayoutStore(directory.appending("layout"))
      var entries: [Descriptor] = []
      for (seed, platform) in [(1, Platform(architecture: "amd64")), (2, Platform(architecture: "arm64"))] {
        let image = SampleImage(seed: UInt64(seed))
        try await image.push(to: store, tags: [])
        var entry = image.manifest
        entry.platform = platform
        entries.append(entry)
      }
      // An attestation stands in the index beside the images, and is none.
      let attestation = SampleImage(seed: 3)
      try await attestation.push(to: store, tags: [])
      var entry = attestation.manifest
      entry.platform = Platform(architecture: "unknown", os: "unknown")
      let index = try Document(ImageIndex(manifests: [entry] + entries))
      try await store.publish(index.descriptor, bytes: index.bytes, tags: ["multi"])
      let one = try await run(
        ["copy", "-q", "--platform", "linux/arm64", "oci:layout:multi", "oci:one:1"], in: directory)
      #expect(one.status == 0, "\(one.errors)")
      #expect(try await ImageLayoutStore(directory.appending("one")).resolve("1")?.digest == entries[1].digest)
      let whole = try await run(["copy", "-q", "oci:layout:multi", "oci-archive:whole.tar:1"], in: directory)
      #expect(whole.status == 0 && whole.output.hasPrefix("\(index.descriptor.digest)"))
      let none = try await run(
        ["copy", "-q", "--platform", "linux/s390x", "oci:layout:multi", "oci:x:1"], in: directory)
      #expect(none.status == 80)
    }
  }
}

import ImageAssembly
import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import ImageProject

/// Project files: what they say, and what is said about mistakes in them.
struct ProjectTests {
  private func read(_ text: String, in directory: FilePath = ".") throws -> Project {
    try Project.read(Array(text.utf8), file: "flywheel.yaml", directory: directory).project
  }

  @Test(.enabled(if: NixCache.isAvailable)) func storePathsOfAProjectMayBeInABinaryCacheAlone() async throws {
    try await withTemporaryDirectory { directory in
      let nix = try await NixCache(in: directory)
      let project = try read(
        """
        version: 1
        contexts: {here: ghcr.io/org/name}
        images: {app: {nix: \(nix.root), copyToRoot: [\(nix.root)], compression: none}}
        """)
      func digest(_ caches: BinaryCaches?) async throws -> Digest {
        try await project.images[0].assemble(
          stamp: Stamp(), caches: caches, base: { _, _ in throw OCIError(.notFound, "no base") }
        ).descriptor.digest
      }
      let wanted = try await digest(nil)
      let place = try await nix.copy(compression: "zstd")
      try await nix.delete()
      let error = await #expect(throws: AssemblyError.self) { try await digest(nil) }
      #expect(error?.code == .storePathMissing)
      let cache = BinaryCache(directory: place, trustedKeys: [try TrustedKey(nix.publicKey)])
      #expect(try await digest(BinaryCaches([cache])) == wanted)
    }
  }

  @Test func aProjectDescribesImagesContextsAndTags() throws {
    let project = try read(
      """
      version: 1
      contexts:
        upstream: ghcr.io/org/name
        overlay: registry.gitlab.com/${GROUP}/name
      defaultContext: upstream
      tags: [content, commit, latest]
      images:
        server:
          closure: closure.json
          copyToRoot: [result]
          config:
            entrypoint: [/bin/atticd]
            env: {SSL_CERT_FILE: /etc/ca.crt, PORT: "8080"}
            exposedPorts: [8080]
          labels: {org.opencontainers.image.revision: "${CI_COMMIT_SHA}"}
          layers: {max: 20, deadBytes: 10}
        caddy:
          repository: proxy/caddy
          base: docker://docker.io/library/caddy:2.10-alpine
          platforms: [linux/amd64, linux/arm64]
          files:
            /usr/bin/caddy: {source: caddy, mode: "0755", capabilities: cap_net_bind_service=ep}
          tags: ["2.10", {tag: stable, on: default-branch}]
      """)
    #expect(project.images.map(\.name) == ["server", "caddy"])
    let server = project.images[0]
    #expect(server.settings.runtime.entrypoint == ["/bin/atticd"])
    #expect(server.settings.runtime.environment == ["SSL_CERT_FILE=/etc/ca.crt", "PORT=8080"])
    #expect(server.settings.runtime.exposedPorts == ["8080/tcp"])
    #expect(server.maximumLayers == 20 && server.planning.deadShare == 0.1)
    let caddy = project.images[1]
    #expect(caddy.variants.map { $0.platform?.description } == ["linux/amd64", "linux/arm64"])
    #expect(caddy.tags == [.text("2.10", onDefaultBranch: false), .text("stable", onDefaultBranch: true)])
    let stamp = Stamp(["GROUP": "group"])
    let (_, prefix) = try project.context("overlay")
    let reference = try project.repository(of: caddy, prefix: prefix, stamp: stamp)
    #expect("\(reference)" == "registry.gitlab.com/group/name/proxy/caddy")
    #expect(try project.context(nil).name == "upstream")
    #expect(throws: AssemblyError.self) { try project.context("elsewhere") }
    #expect(throws: AssemblyError.self) { try project.repository(of: caddy, prefix: prefix, stamp: Stamp()) }
  }

  @Test(
    arguments: [
      ("images: {a: {closure: c.json, cofig: {}}}", 1, "cofig"), ("images:\n  a:\n    base: caddy", 3, "docker://"),
      ("images:\n  a: {files: {rel: x}}", 2, "begin with '/'"),
      ("images:\n  a:\n    closure: a\n    files: {}", 4, "keep one"),
      ("images:\n  a:\n    dockerfile: Dockerfile\n", 3, "not supported"), ("images:\n  a: {}\n", 2, "made of"),
      ("images:\n  a: {closure: c}\ntags: [\"a b\"]", 3, "tag"), ("images:\n  a: {closure: c\n", 3, "no YAML"),
      ("images:\n  a: {closure: c}\n  a: {closure: d}", 0, "twice"),
      ("version: 2\nimages: {a: {closure: c}}", 1, "reads 1"),
      ("images:\n  a:\n    closure: c\n    compression: brotli", 4, "brotli"),
      ("images:\n  a:\n    closure: c\n    config: {Env: [A]}", 4, "NAME=VALUE"),
      ("images:\n  a:\n    closure: c\n    labels: {x: 1}", 4, "string"),
      ("contexts: {up: 'no host'}\nimages: {a: {closure: c}}", 1, "contexts.up"),
      ("images:\n  a:\n    closure: c\n    platforms: [linux]", 4, "platform"), ("", 0, "empty"), ("[]", 1, "object"),
      ("images:\n  a: {closure: c}\ndefaultContext: x", 3, "no context"),
    ])
  func mistakesAreToldWithLineAndRemedy(text: String, line: Int, part: String) throws {
    let faults = try #require(throws: ProjectFaults.self) { try read(text) }
    let fault = try #require(faults.faults.first)
    if line > 0 { #expect(fault.line == line, "\(fault)") }
    #expect(faults.description.contains(part), "\(fault)")
    #expect(fault.description.hasPrefix("flywheel.yaml"))
  }

  @Test func allMistakesAreToldAtOnce() throws {
    let faults = try #require(throws: ProjectFaults.self) {
      try read("images:\n  a: {}\n  b: {closure: c, x: 1}\n  c: {closure: c}\ntags: []\nstray: 1\n")
    }
    #expect(faults.faults.count == 4, "\(faults)")
  }

  @Test func aliasesDoNotMakeAFileGrowForEver() throws {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...8 {
      let alias = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(alias)]\n"
    }
    #expect(throws: ProjectFaults.self) { try read(text) }
  }

  @Test func tagsFollowTheCommitAndTheBranch() throws {
    let digest = Digest.of([1])
    let rules: [TagRule] = [
      .text("latest", onDefaultBranch: true), .content, .shortCommit, .text("${V:-0}-x", onDefaultBranch: false),
    ]
    func tags(_ values: [String: String]) throws -> [String] {
      try TagRule.tags(rules, digest: digest, build: BuildEnvironment(Stamp(values)))
    }
    let content = "d-\(digest.hex)"
    let commit = "0123456789abcdef0123456789abcdef01234567"
    #expect(try tags(["CI_COMMIT_SHA": commit, "CI_COMMIT_BRANCH": "main"]) == ["latest", content, "01234567", "0-x"])
    #expect(try tags(["GITHUB_SHA": commit, "GITHUB_REF_NAME": "fix", "V": "2"]) == [content, "01234567", "2-x"])
    #expect(
      try tags(["GITHUB_SHA": commit, "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "tag"]) == [
        content, "01234567", "0-x",
      ])
    #expect(
      try tags(["CI_COMMIT_SHA": commit, "CI_COMMIT_BRANCH": "trunk", "CI_DEFAULT_BRANCH": "trunk"]).first == "latest")
    #expect(throws: AssemblyError.self) { try tags(["CI_COMMIT_BRANCH": "main"]) }
    #expect(ContentTag.digest(of: content) == digest)
  }

  @Test func aProjectAssemblesAnIndexOfItsPlatforms() async throws {
    try await withTemporaryDirectory { directory in
      try FileSystem.replace(directory.appending("hello"), with: Array("hi\n".utf8))
      let project = try read(
        """
        images:
          hello:
            platforms: [linux/amd64, linux/arm64]
            files: {/hello: hello}
            labels: {commit: "${COMMIT}"}
            indexAnnotations: {a: "${COMMIT}"}
        """, in: directory)
      let stamp = Stamp(["COMMIT": "abc"])
      let result = try await project.images[0].assemble(stamp: stamp, base: { _, _ in throw CancellationError() })
      guard case .index(let index) = result else {
        Issue.record("no index")
        return
      }
      #expect(index.index.manifests.compactMap { $0.platform?.description } == ["linux/amd64", "linux/arm64"])
      #expect(index.index.annotations == ["a": "abc"])
      #expect(index.images[1].configuration.runtime.labels == ["commit": "abc"])
      #expect(index.images[0].layers[0].descriptor == index.images[1].layers[0].descriptor)
      let store = MemoryStore()
      let report = try await copy(index.descriptor, from: index.content(), to: store, tags: ["latest"])
      #expect(report.copiedBlobs.count == 3)
      let violations = try await ImageSpecCheck.violations(of: index.images[0].descriptor, in: store)
      #expect(violations == [])
    }
  }
}

import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Tarball
import Testing

/// How our first users push, mirror and build in CI, through the command line alone.
struct AcceptancePushTests {
  @Test("PUSH-1, PUSH-2, PUSH-5, PUSH-6: tags, the content's own tag, and a re-push by questions alone")
  func pushes() async throws {
    try await withFixture { fixture in
      try await withTestRegistry { registry in
        let place = "docker://\(registry.server.address)/team/attic"
        _ = try await fixture.build("server", "--description", "image.json")
        let digest = try await fixture.flywheel(
          "push", "image.json", "--to", "\(place):v1.2.0", "--to", "\(place):latest", "--tag-digest", "--digest-file",
          "digest.txt", "--quiet")
        #expect(try fixture.text("digest.txt") == digest + "\n")
        let repository = try registry.repository("team/attic")
        let content = "d-\(digest.dropFirst("sha256:".count))"
        #expect(try await repository.tags() == [content, "latest", "v1.2.0"])
        for tag in try await repository.tags() {
          #expect(try await repository.resolve(tag)?.digest.description == digest)
        }
        // A fresh machine without the store.
        try FileManager.default.removeItem(atPath: fixture.directory.appending("store").string)
        try FileManager.default.removeItem(atPath: fixture.directory.appending("cache").string)
        let before = registry.server.requests.count
        _ = try await fixture.flywheel("push", "image.json", "--to", "\(place):latest", "--tag-digest", "--quiet")
        #expect(registry.server.requests.dropFirst(before).allSatisfy { $0.method == "HEAD" })
        // Another tag is a request or two, and no content.
        let more = registry.server.requests.count
        _ = try await fixture.flywheel("push", "image.json", "--to", "\(place):v1.2.1", "--quiet")
        #expect(registry.server.requests.dropFirst(more).count { $0.method == "PUT" } == 1)
      }
    }
  }

  @Test("PUSH-7: a push that fails leaves the old tag")
  func aFailedPushLeavesTheOldTag() async throws {
    try await withFixture { fixture in
      try await withTestRegistry { registry in
        let place = "docker://\(registry.server.address)/team/attic:latest"
        let digest = try await fixture.build("server", "--to", place, "--description", "old.json")
        _ = try await fixture.build("gc", "--description", "new.json")
        try FileManager.default.removeItem(
          atPath: fixture.directory.appending("store/dddd-attic-server-1/bin/atticd").string)
        let repository = try registry.repository("team/attic")
        // Nothing of it is missing but a layer that cannot be made any more.
        try FileSystem.replace(
          fixture.directory.appending("new.json"),
          with: Array(
            try fixture.text("new.json").replacingOccurrences(of: "garbage-collector", with: "garbage-collectoR").utf8))
        _ = try await fixture.flywheel("push", "new.json", "--to", place, "--quiet", status: 65)
        #expect(try await repository.resolve("latest")?.digest.description == digest)
      }
    }
  }

  @Test("PUSH-3, IMG-8: GitLab's variables make the tags, and the push stops before anything where they are not set")
  func gitLabPushes() async throws {
    try await withFixture { fixture in
      try FileSystem.replace(
        fixture.directory.appending("flywheel.yaml"),
        with: Array(
          """
          contexts: {gitlab: "${CI_REGISTRY_IMAGE}"}
          tags: ["${CI_COMMIT_SHORT_SHA}", latest]
          images: {attic-server: {closure: closure.json, platforms: [linux/amd64]}}
          """.utf8))
      try await withTestRegistry(manners: try #require(RegistryManners.imitating("GitLab"))) { registry in
        var environment = [
          "CI_REGISTRY_IMAGE": "\(registry.server.address)/group/project", "CI_COMMIT_SHORT_SHA": "0a1b2c3d",
        ]
        environment["CI_COMMIT_BRANCH"] = "trunk"
        environment["CI_DEFAULT_BRANCH"] = "trunk"
        _ = try await fixture.flywheel(["push", "--quiet"], environment: environment)
        let repository = try registry.repository("group/project/attic-server")
        #expect(try await repository.tags() == ["0a1b2c3d", "latest"])
        environment["CI_REGISTRY_IMAGE"] = ""
        let before = registry.server.requests.count
        _ = try await fixture.flywheel(["push", "--quiet"], status: 65, environment: environment)
        #expect(registry.server.requests.count == before)
      }
    }
  }

  @Test(
    "MIR-1 to MIR-6: images are mirrored with all platforms and attestations, again by questions alone, one failure aside"
  )
  func mirroring() async throws {
    try await withFixture { fixture in
      try await withTestRegistry { upstream in
        let attestation = SampleImage(seed: 3, layerSizes: [100])
        var names: [String] = []
        for (number, name) in ["bazel-remote-cache", "busybox", "kubectl", "alpine", "attic"].enumerated() {
          let repository = try upstream.repository("library/\(name)")
          var entries: [Descriptor] = []
          for architecture in ["amd64", "arm64"] {
            let image = SampleImage(seed: UInt64(10 * number + entries.count))
            try await image.push(to: repository, tags: [])
            var entry = image.manifest
            entry.platform = Platform(architecture: architecture)
            entries.append(entry)
          }
          try await attestation.push(to: repository, tags: [])
          var child = attestation.manifest
          child.platform = Platform(architecture: "unknown", os: "unknown")
          child.annotations[AnnotationKey.dockerReferenceType] = "attestation-manifest"
          let bytes = ImageIndex(manifests: entries + [child]).canonicalBytes
          let index = Descriptor(mediaType: .imageIndex, describing: bytes)
          try await repository.publish(index, bytes: bytes, tags: ["1"])
          names.append(name)
        }
        try await withTestRegistry { mirror in
          let lines = (names + ["missing"]).map {
            "docker://\(upstream.server.address)/library/\($0):1 docker://\(mirror.server.address)/org/\($0):1"
          }
          try FileSystem.replace(
            fixture.directory.appending("mirrors.txt"), with: Array(lines.joined(separator: "\n").utf8))
          _ = try await fixture.flywheel("copy", "--from-file", "mirrors.txt", "--quiet", status: 80)
          for name in names {
            let (there, here) = (try upstream.repository("library/\(name)"), try mirror.repository("org/\(name)"))
            let root = try #require(try await there.resolve("1"))
            #expect(try await here.resolve("1") == root)
            guard case .index(let index) = try await here.manifest(root).manifest else {
              Issue.record("no index")
              return
            }
            for child in index.manifests { #expect(try await here.exists(child)) }
            #expect(index.manifest(for: Platform(architecture: "arm64"))?.platform?.os == "linux")
          }
          let (before, upstreamBefore) = (mirror.server.requests.count, upstream.server.requests.count)
          _ = try await fixture.flywheel("copy", "--from-file", "mirrors.txt", "--quiet", status: 80)
          #expect(mirror.server.requests.dropFirst(before).allSatisfy { $0.method == "HEAD" })
          #expect(upstream.server.requests.dropFirst(upstreamBefore).allSatisfy { $0.method == "HEAD" })
        }
      }
    }
  }

  // MARK: CI

  @Test("CI-1, CI-3: nothing but the program and the sources is needed: no home, no policy, no daemon")
  func nothingElseIsNeeded() async throws {
    try await withFixture { fixture in
      let bare = ["HOME": "", "XDG_CACHE_HOME": "", "XDG_RUNTIME_DIR": "", "PATH": "/nowhere"]
      let first = try await fixture.flywheel(
        ["build", "--closure", "closure.json", "--quiet", "--description", "image.json", "--to", "oci:out:1"],
        environment: bare)
      try FileManager.default.removeItem(atPath: fixture.directory.appending("store").string)
      // A new pod has the description alone.
      #expect(
        try await fixture.flywheel(["push", "image.json", "--to", "oci:out:1", "--quiet"], environment: bare) == first)
      _ = try await fixture.flywheel(
        ["push", "image.json", "--to", "oci:other:1", "--quiet"], status: 66, environment: bare)
    }
  }

  @Test("CI-7: exit codes tell a registry that is down from an image that is wrong")
  func exitCodesTellWhoIsToBlame() async throws {
    try await withFixture { fixture in
      _ = try await fixture.build("server", "--description", "image.json")
      _ = try await fixture.flywheel(
        "push", "image.json", "--to", "docker://127.0.0.1:9/a:1", "--attempts", "1", status: 69)
      try FileSystem.replace(
        fixture.directory.appending("store/cccc-tzdata-2026a/share/zoneinfo/UTC"), with: Array("other".utf8))
      _ = try await fixture.flywheel("push", "image.json", "--to", "oci:out:1", status: 74)
      _ = try await fixture.flywheel("push", "closure.json", "--to", "oci:out:1", status: 65)
      _ = try await fixture.flywheel("push", "missing.json", "--to", "oci:out:1", status: 66)
    }
  }

  @Test("CI-2, CI-6: the description is small and is checked")
  func theDescriptionIsTheArtifact() async throws {
    try await withFixture { fixture in
      _ = try await fixture.build("server", "--description", "image.json")
      #expect(try fixture.text("image.json").utf8.count < 20_000)
      #expect(try await fixture.flywheel("verify", "image.json", "--quiet").contains("is what its sources give"))
      let file = fixture.directory.appending("store/cccc-tzdata-2026a/share/zoneinfo/UTC")
      try FileSystem.replace(file, with: Array("UTC1".utf8))
      let told = try await fixture.flywheel("verify", "image.json", "--quiet", status: 74)
      #expect(told.contains("share/zoneinfo/UTC: content sha256:"))
      #expect(try await fixture.flywheel("diff", "image.json", "image.json") == "")
    }
  }

  @Test("CI-8: all images of a project in one call, shared blobs once")
  func aProjectIsPushedInOneCall() async throws {
    try await withFixture { fixture in
      try FileSystem.replace(
        fixture.directory.appending("flywheel.yaml"),
        with: Array(
          """
          contexts:
            upstream: ${REGISTRY}/org/name
            overlay: ${REGISTRY}/group/name
          tags: [content, short-commit, latest]
          images:
            attic-server:
              closure: closure.json
              copyToRoot: [\(fixture.roots)]
              configFile: server.config.json
              platforms: [linux/amd64]
            attic-gc:
              closure: closure.json
              copyToRoot: [\(fixture.roots)]
              configFile: gc.config.json
              platforms: [linux/amd64]
          """.utf8))
      try await withTestRegistry { registry in
        var environment = [
          "REGISTRY": registry.server.address, "CI_COMMIT_SHA": String(repeating: "a", count: 40),
          "CI_COMMIT_BRANCH": "fix",
        ]
        #expect(try await fixture.flywheel("check").contains("2 images, 2 contexts"))
        let text = try await fixture.flywheel(
          "push", "--context", "overlay", "--json", "--quiet", environment: environment)
        let images = try #require(try JSON(parsing: Array(text.utf8)).objectValue?["images"]?.arrayValue)
        #expect(images.count == 2)
        // Six layers once, and two configurations.
        let blobs = images.compactMap { $0.objectValue?["report"]?.objectValue?["blobs"]?.arrayValue?.count }
        #expect(blobs == [7, 1])
        let repository = try registry.repository("group/name/attic-server")
        let tags = try await repository.tags()
        #expect(tags.count == 2 && tags.contains("aaaaaaaa"))
        environment["CI_COMMIT_BRANCH"] = "main"
        _ = try await fixture.flywheel(
          ["push", "--context", "overlay", "--image", "attic-gc", "--quiet"], environment: environment)
        #expect(try await registry.repository("group/name/attic-gc").resolve("latest") != nil)
        #expect(try await repository.resolve("latest") == nil)
        _ = try await fixture.flywheel(["push", "--context", "elsewhere"], status: 65, environment: environment)
        _ = try await fixture.flywheel(["push", "--quiet"], status: 65, environment: environment)
      }
    }
  }
}

import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Tarball
import Testing

/// The verbs around images as a script sees them.
struct ImageCommandTests {
  @Test func imagesForTwoPlatformsAreOneIndex() async throws {
    try await withFixture { fixture in
      try await withTestRegistry { registry in
        _ = try await fixture.build("server", "--description", "amd64.json")
        _ = try await fixture.build("server", "--description", "arm64.json", platform: "linux/arm64")
        let digest = try await fixture.flywheel(
          "push", "amd64.json", "arm64.json", "--annotation", "a=b", "--to",
          "docker://\(registry.server.address)/team/attic:1", "--to", "oci:out:1", "--quiet")
        let index = try #require(try await ImageLayoutStore(fixture.directory.appending("out")).resolve("1"))
        #expect(index.digest.description == digest && index.mediaType == .imageIndex)
        let shown = try await fixture.flywheel(
          "inspect", "docker://\(registry.server.address)/team/attic:1", "--platform", "linux/arm64")
        #expect(shown.contains("platform  linux/arm64"))
      }
    }
  }

  @Test func aBaseIsLockedAndRebasedOnto() async throws {
    try await withFixture { fixture in
      try await fixture.makeBase("--env", "V=1")
      #expect(try await fixture.flywheel("lock", "oci:base-layout:1").contains("oci:base-layout:1: sha256:"))
      let app = [
        "build", "--base", "oci:base-layout:1", "--lock-file", "flywheel.lock", "--file", "/app=closure.json",
        "--quiet",
      ]
      let first = try await fixture.flywheel(app + ["--to", "oci:out:app"])
      // The base moves; the lock does not.
      try FileSystem.replace(fixture.directory.appending("base/bin/sh"), with: Array("newer".utf8))
      _ = try await fixture.flywheel(
        "build", "--file", "/=base", "--platform", "linux/amd64", "--env", "V=2", "--quiet", "--to", "oci:base-layout:1"
      )
      #expect(try await fixture.flywheel(app) == first)
      _ = try await fixture.flywheel(
        "rebase", "oci:out:app", "--base", "oci:base-layout:1", "--quiet", "--to", "oci:out:rebased")
      #expect(try await fixture.flywheel("lock", "--update").contains(" -> sha256:"))
      let second = try await fixture.flywheel(app + ["--to", "oci:out:fresh"])
      let (rebased, configuration) = try await fixture.image("out", "rebased")
      let (fresh, _) = try await fixture.image("out", "fresh")
      #expect(second != first && rebased.layers == fresh.layers)
      #expect(configuration.runtime.environment == ["V=2"])
      let told = try await fixture.flywheel("diff", "oci:out:app", "oci:out:rebased", status: 1)
      #expect(told.contains("~ bin/sh: size 2 -> 5") && told.contains("config.Env"))
      _ = try await fixture.flywheel(
        "build", "--base", "oci:base-layout:other", "--lock-file", "flywheel.lock", status: 65)
    }
  }

  @Test func softwareListsAndFilesAreAttached() async throws {
    try await withFixture { fixture in
      try await withTestRegistry { registry in
        let place = "docker://\(registry.server.address)/team/attic:1"
        _ = try await fixture.build("server", "--description", "image.json", "--to", place)
        let list = try await fixture.flywheel("sbom", "image.json", "--closure", "closure.json")
        #expect(list.contains("SPDX-2.3") && list.contains("glibc"))
        for format in ["spdx", "cyclonedx", "provenance"] {
          _ = try await fixture.flywheel(
            "sbom", "image.json", "--closure", "closure.json", "--format", format, "--attach", place, "--quiet")
        }
        _ = try await fixture.flywheel(
          "attach", place, "closure.json:application/json", "--type", "application/vnd.example.closure", "--quiet")
        _ = try await fixture.flywheel(
          "attach", place, "no-such-file:text/plain", "--type", "application/vnd.example.notes", "--quiet", status: 66)
        let repository = try registry.repository("team/attic")
        let root = try #require(try await repository.resolve("1"))
        #expect(try await repository.referrers(of: root, artifactType: nil).count == 4)
        _ = try await fixture.flywheel(
          "attach", "--to", "oci:notes:1", "closure.json", "--type", "application/vnd.example.notes", "--quiet")
      }
    }
  }

  @Test func stampsAreTakenFromFilesAndTheEnvironment() async throws {
    try await withFixture { fixture in
      try FileSystem.replace(fixture.directory.appending("status.txt"), with: Array("STABLE_GIT_COMMIT abc\n".utf8))
      _ = try await fixture.flywheel(
        [
          "build", "--file", "/a=closure.json", "--stamp-file", "status.txt", "--label", "commit=${STABLE_GIT_COMMIT}",
          "--annotation", "user=${WHO:-nobody}",
          "--to", "oci:out:v-${STABLE_GIT_COMMIT}", "--quiet",
        ])
      let (manifest, configuration) = try await fixture.image("out", "v-abc")
      #expect(configuration.runtime.labels == ["commit": "abc"] && manifest.annotations == ["user": "nobody"])
      _ = try await fixture.flywheel(
        ["build", "--file", "/a=closure.json", "--stamp-file", "status.txt", "--label", "x=${MISSING}"], status: 65)
    }
  }
}

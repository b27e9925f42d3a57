import Foundation
import ImageAssembly
import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// Images of Nix expressions on their way: from registries as bases, to registries and containers, for several platforms.
@Suite(
  .serialized, .enabled("Nix is not installed, or its store may not be written to", isThere: NixFixture.isThere),
  .enabled(if: Tool.areInstalled("docker-registry", "skopeo")))
struct NixRegistryTests {
  /// A base with a configuration, in a registry.
  private func pushBase(_ nix: NixFixture, _ host: String) async throws -> Digest {
    try nix.write("base", to: "file")
    let pushed = try await nix.flywheel(
      "build", "--file", "/base/file=file", "--env", "BASE=yes", "--entrypoint", "/base/run", "--user", "7",
      "--platform",
      "linux/amd64", "--to", "docker://\(host)/base:1", "--quiet")
    #expect(pushed.status == 0, "\(pushed.errors)")
    return try Digest(pushed.output.trimmingCharacters(in: .newlines))
  }

  @Test func aPulledBaseHasTheHashOfSkopeosAndItsConfigurationIsInherited() async throws {
    try await withDockerRegistry { host in
      try await withNix { nix in
        let digest = try await pushBase(nix, host)
        try await Tool.run(
          "skopeo",
          ["copy", "--insecure-policy", "--src-tls-verify=false", "docker://\(host)/base@\(digest)", "dir:pulled"],
          in: nix.directory)
        let hash = try await Tool.run("nix-hash", ["--type", "sha256", "--base32", "pulled"], in: nix.directory)
        let base = """
          pullImage { imageName = "\(host)/base"; imageDigest = "\(digest)"; sha256 = "\(hash.trimmingCharacters(in: .newlines))"; arch = "amd64"; }
          """
        let inherited = try await nix.build(
          #"buildImage { name = "app"; fromImage = \#(base); copyToRoot = cacert; config.env = [ "APP=1" ]; }"#)
        let image = try AssembledImage(descriptionFile: inherited)
        #expect(image.configuration.runtime.environment == ["BASE=yes", "APP=1"])
        #expect(image.configuration.runtime.entrypoint == ["/base/run"])
        #expect(image.configuration.runtime.user == "7")
        #expect(image.manifest.annotations[AnnotationKey.baseName] == "\(host)/base@\(digest)")
        let ignoring = try await nix.image(
          #"buildImage { name = "app"; fromImage = \#(base); baseConfig = "ignore"; copyToRoot = cacert; config.env = [ "APP=1" ]; }"#
        )
        #expect(ignoring.configuration.runtime.environment == ["APP=1"])
        #expect(ignoring.configuration.runtime.entrypoint == nil)
        let pushed = try await nix.flywheel("push", inherited.string, "--to", "docker://\(host)/elsewhere:1", "--quiet")
        #expect(pushed.status == 0, "\(pushed.errors)")
        // On an image of ours, whose paths are not packed again.
        let over = try await nix.build(
          #"buildImage { name = "over"; fromImage = buildImage { name = "app"; fromImage = \#(base); copyToRoot = [ server ]; }; copyToRoot = [ server cacert ]; config.Cmd = [ "${server}/bin/atticd" ]; }"#
        )
        let layered = try await nix.flywheel("push", over.string, "--to", "docker://\(host)/over:1", "--quiet")
        #expect(layered.status == 0, "\(layered.errors)")
        #expect(
          try await Tool.run("skopeo", ["inspect", "--tls-verify=false", "docker://\(host)/over:1"]).contains(
            "BASE=yes"))
        let wrong = try await nix.failure(
          """
          pullImage { imageName = "\(host)/base"; imageDigest = "sha256:\(String(repeating: "0", count: 64))"; sha256 = "\(String(repeating: "0", count: 52))"; }
          """)
        #expect(wrong.contains("there is no image"), "\(wrong)")
      }
    }
  }

  @Test func aStoredManifestIsALockFile() async throws {
    try await withDockerRegistry { host in
      try await withNix { nix in
        let digest = try await pushBase(nix, host)
        let expression = """
          pullImageFromManifest {
            imageName = "base"; imageTag = "1"; registryUrl = "\(host)"; imageManifest = \(nix.directory)/manifest.json; arch = "amd64";
          }
          """
        // The manifest is asked for with the script that it brings.
        try nix.write(#"{"config":{"digest":""},"layers":[]}"#, to: "manifest.json")
        let script = try await nix.build("(\(expression)).getManifest")
        let manifest = try await nix.tool(script.appending("bin/get-manifest").string, [])
        #expect(manifest.status == 0, "\(manifest.errors)")
        #expect(Digest.of(Array(manifest.output.utf8)) == digest)
        try nix.write(manifest.output, to: "manifest.json")
        let image = try await nix.image(
          #"buildImage { name = "app"; fromImage = \#(expression); copyToRoot = cacert; }"#)
        #expect(image.configuration.runtime.environment == ["BASE=yes"])
        let described = try await nix.build(
          #"buildImage { name = "app"; fromImage = \#(expression); copyToRoot = cacert; }"#)
        let pushed = try await nix.flywheel("push", described.string, "--to", "oci:layout:a")
        #expect(pushed.status == 0, "\(pushed.errors)")
        let compatible = try await nix.build(
          #"buildImage { name = "app"; fromImage = \#(expression); copyToRoot = cacert; compatible = true; }"#)
        let taken = try await nix.flywheel("push", compatible.string, "--to", "oci:compatible:a")
        #expect(taken.status == 0, "\(taken.errors)")
      }
    }
  }

  @Test func platformsBecomeOneIndex() async throws {
    try await withDockerRegistry { host in
      try await withNix { nix in
        let expression = """
          buildImage {
            name = "\(host)/multi"; tag = "1"; annotations.a = "b"; config.Env = [ "A=1" ];
            platforms."linux/amd64".copyToRoot = cacert;
            platforms."linux/arm64/v8" = { copyToRoot = tzdata; config.Env = [ "A=2" ]; };
          }
          """
        let index = try await nix.build(expression)
        let script = try await nix.build("(\(expression)).copyToRegistry")
        for _ in 0..<2 {
          let pushed = try await nix.tool(script.appending("bin/copy-to-registry").string, ["--tag-digest", "--quiet"])
          #expect(pushed.status == 0, "\(pushed.errors)")
          #expect(try AssembledIndex(descriptionFile: index).descriptor.digest.description + "\n" == pushed.output)
        }
        let raw = try await Tool.run("skopeo", ["inspect", "--raw", "--tls-verify=false", "docker://\(host)/multi:1"])
        let json = try JSON(parsing: Array(raw.utf8)).objectValue
        #expect(json?["manifests"]?.arrayValue?.count == 2)
        #expect(json?["annotations"]?.objectValue?["a"] == "b")
        let arm = try await Tool.run(
          "skopeo",
          ["inspect", "--config", "--override-arch", "arm64", "--tls-verify=false", "docker://\(host)/multi:1"])
        #expect(arm.contains("A=2"))
        #expect(try await nix.failure("(\(expression)).copyToDockerDaemon").contains("one platform"))
        let wrong = try await nix.failure(
          #"buildImage { name = "x"; platforms."linux/arm64" = buildImage { name = "y"; arch = "amd64"; copyToRoot = cacert; }; }"#
        )
        #expect(wrong.contains("is for linux/amd64"), "\(wrong)")
        let verified = try await nix.flywheel("verify", index.string)
        #expect(verified.errors.contains("an index of several images"), "\(verified.errors)")
      }
    }
  }

  @Test func softwareIsListedFromTheClosure() async throws {
    try await withNix { nix in
      let spdx = try JSON(parsing: FileSystem.contents(of: try await nix.build("attic.sbom"))).objectValue
      let names = spdx?["packages"]?.arrayValue?.compactMap { $0.objectValue?["name"]?.stringValue } ?? []
      #expect(names.contains("attic-server"))
      #expect(names.contains("glibc"))
      // What is at the root alone is in the image too.
      #expect(names.contains("attic-root"))
      let cyclone = try JSON(parsing: FileSystem.contents(of: try await nix.build("attic.cyclonedx"))).objectValue
      #expect(cyclone?["components"]?.arrayValue?.count == names.count - 1)
    }
  }

  @Test func aFlakeWithoutInputsHasTheSameFunctions() async throws {
    try await withNix { nix in
      let expression = """
        with import \(nix.directory)/library.nix;
        let images = (builtins.getFlake "path:\(NixFixture.repository)/Integrations/nix").lib.images { inherit flywheel; system = builtins.currentSystem; };
        in (images.buildImage { name = "Team/Attic"; copyToRoot = rootOf server; config = configOf server; }).outPath == attic.outPath
        """
      let result = try await nix.tool("nix", ["eval", "--impure", "--expr", expression])
      #expect(result.output == "true\n", "\(result.errors)")
    }
  }

  /// The example of the guide, as it stands there.
  @Test(.enabled(if: Tool.areInstalled("busybox"))) func theAtticExampleIsPushedToTwoRegistriesFromOneBuild()
    async throws
  {
    try await withDockerRegistry { first in
      try await withDockerRegistry { second in
        try await withNix { nix in
          let expression = "import \(NixFixture.repository)/Examples/attic { inherit flywheel; }"
          let description = try await nix.build(expression)
          func push() async throws -> Tool.Result {
            try await nix.flywheel(
              "push", description.string, "--tag-digest", "--digest-file", "attic.digest", "--to",
              "docker://\(first)/team/attic:latest", "--to", "docker://\(second)/group/attic:latest", "--json")
          }
          let pushed = try await push()
          #expect(pushed.status == 0, "\(pushed.errors)")
          let digest = try AssembledImage(descriptionFile: description).descriptor.digest
          #expect(
            try String(decoding: FileSystem.contents(of: nix.directory.appending("attic.digest")), as: UTF8.self)
              == "\(digest)\n")
          for place in ["\(first)/team/attic", "\(second)/group/attic"] {
            for tag in ["latest", "d-\(digest.hex)"] {
              let found = try await Tool.run(
                "skopeo", ["inspect", "--format", "{{.Digest}}", "--tls-verify=false", "docker://\(place):\(tag)"])
              #expect(found.trimmingCharacters(in: .whitespacesAndNewlines) == "\(digest)")
            }
          }
          let again = try JSON(parsing: Array(try await push().output.utf8)).objectValue?["uploaded"]?.arrayValue ?? []
          #expect(again.count == 2)
          #expect(again.allSatisfy { $0.objectValue?["bytes"] == .integer(0) })
          // A new version sends its program and the tree of links, besides manifest and configuration.
          try await Tool.run("cp", ["-L", description.string, "previous.json"], in: nix.directory)
          let update = try await nix.build(
            #"import \#(NixFixture.repository)/Examples/attic { inherit flywheel; version = "0.2.0"; previousPlan = \#(nix.directory)/previous.json; }"#
          )
          let next = try await nix.flywheel(
            "push", update.string, "--to", "docker://\(first)/team/attic:latest", "--json")
          let report = try JSON(parsing: Array(next.output.utf8)).objectValue?["uploaded"]?.arrayValue?.first?
            .objectValue
          #expect(report?["blobs"]?.arrayValue?.count == 3)
          guard try await Podman.runsContainers() else { return }
          try nix.write("listen = \"[::]:8080\"\n", to: "server.toml")
          try await Podman.run(
            ["pull", "-q", "--tls-verify=false", "\(first)/team/attic@\(digest)"], in: nix.directory)
          let output = try await Podman.runContainer(
            "\(first)/team/attic@\(digest)", in: nix.directory,
            options: [
              "-v", "\(nix.directory)/server.toml:/etc/attic/server.toml:ro", "-e", "ATTIC_SERVER_TOKEN=secret",
            ])
          #expect(
            output
              == "atticd 0.1.0 --config /etc/attic/server.toml --mode monolithic\ntoken from the environment\nlisten = \"[::]:8080\"\n"
          )
        }
      }
    }
  }
}

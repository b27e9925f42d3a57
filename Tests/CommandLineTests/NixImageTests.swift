import Foundation
import ImageAssembly
import LayerGraph
import OCICore
import OCITesting
import SystemPackage
import Tarball
import Testing

/// The functions of Integrations/nix, built by a real Nix without network and without nixpkgs.
@Suite(.serialized, .enabled("Nix is not installed, or its store may not be written to", isThere: NixFixture.isThere))
struct NixImageTests {
  @Test func aClosureAloneIsPlannedAndItsDigestsAreFixed() async throws {
    try await withNix { nix in
      let description = try await nix.build("attic")
      let image = try AssembledImage(descriptionFile: description)
      #expect(image.layers.count > 3)
      #expect(Set(image.layers.flatMap(\.content.storePaths)).count == 5)
      #expect(image.configuration.runtime.command == ["--config", "/etc/attic/server.toml", "--mode", "monolithic"])
      #expect(image.configuration.runtime.exposedPorts == ["8080/tcp"])
      #expect(image.configuration.runtime.labels.count == 1)
      #expect(image.layers.allSatisfy { $0.descriptor.mediaType == .layerTarGzip })
      #expect(try #require(try FileSystem.fileSize(description)) < 20_000)
      let verified = try await nix.flywheel("verify", description.string)
      #expect(verified.status == 0, "\(verified.errors)")
      // The root is a tree of links that nobody refers to: it is at '/' alone.
      #expect(!image.layers.contains { $0.content.storePaths.contains { $0.hasSuffix("attic-root") } })
    }
  }

  @Test func anotherConfigurationMakesNoLayerAgain() async throws {
    try await withNix { nix in
      let layers = "builtins.map (l: l.drvPath) image.groups"
      let one = try await nix.evaluate("let image = attic; in \(layers)")
      let other = try await nix.evaluate(
        """
        let image = buildImage { name = "attic"; copyToRoot = rootOf server; config = configOf server // { Cmd = [ "--mode" "garbage-collector" ]; }; };
        in \(layers)
        """)
      #expect(one == other)
    }
  }

  @Test func siblingLayersDoNotHoldASharedPathTwice() async throws {
    try await withNix { nix in
      let image = try await nix.image(
        """
        let a = derive "a" "mkdir $out; echo ${glibc} > $out/a"; b = derive "b" "mkdir $out; echo ${glibc} > $out/b";
        in buildImage { name = "siblings"; layers = [ (buildLayer { deps = [ a ]; }) (buildLayer { deps = [ b ]; }) ]; copyToRoot = [ a b ]; }
        """)
      let paths = image.layers.flatMap(\.content.storePaths)
      #expect(paths.count == 3)
      #expect(Set(paths).count == 3)
      // The explicit layers come first, what is at the root last.
      #expect(image.layers.last?.content.storePaths == [])
    }
  }

  @Test func aLongChainOfLayersIsNoLongListOfArguments() async throws {
    try await withNix { nix in
      let count = try await nix.evaluate(
        """
        let
          package = n: derive "p${toString n}" "echo ${toString n} > $out";
          chain = builtins.foldl' (layers: n: [ (buildLayer { deps = [ (package n) ]; inherit layers; }) ] ++ layers) [ ]
            (builtins.genList (n: n) 24);
        in builtins.length (buildImage { name = "chain"; layers = chain; }).groups
        """)
      #expect(count == "24")
    }
  }

  @Test func permissionsFollowExpressionsAndTheLastCounts() async throws {
    try await withNix { nix in
      let description = try await nix.build(
        """
        let app = derive "app+1.0.x" "mkdir -p $out/srv/data; echo a > $out/srv/run; echo b > $out/srv/data/b";
        in buildImage {
          name = "perms"; copyToRoot = app; maxLayers = 1;
          perms = [
            { path = app; regex = ".*"; mode = "0755"; uid = 10; gid = 20; }
            { path = app; regex = "/srv/data/.*"; mode = "0600"; uname = "app"; gname = "app"; }
          ];
        }
        """)
      let files = try await nix.flywheel("inspect", "--files", description.string)
      #expect(files.status == 0, "\(files.errors)")
      let lines = files.output.split(separator: "\n")
      func line(_ path: String) -> String { lines.first { $0.hasPrefix("\(path) ") }.map(String.init) ?? "" }
      #expect(line("./srv/run").contains("mode=0755"), "\(files.output)")
      #expect(line("./srv/run").contains("uid=10"))
      // Owners that the last rule does not give are root's.
      #expect(line("./srv/data/b").contains("mode=0600"))
      #expect(line("./srv/data/b").contains("uid=0"))
      #expect(line("./srv/data/b").contains("uname=app"))
      let stray = try await nix.failure(
        #"buildImage { name = "x"; copyToRoot = glibc; perms = [ { path = cacert; regex = ".*"; mode = "0755"; } ]; }"#)
      #expect(stray.contains("perms are given for"), "\(stray)")
    }
  }

  @Test func whatIsExcludedIgnoredOrUnknown() async throws {
    try await withNix { nix in
      let image = try await nix.image(
        """
        let app = derive "app" "mkdir -p $out/lib $out/share; echo ${glibc} > $out/lib/x; echo > $out/lib/x.a";
        in buildImage { name = "x"; layers = [ (buildLayer { deps = [ app ]; ignore = glibc; exclude = [ "*.a" ]; }) ]; }
        """)
      #expect(image.layers.flatMap(\.content.storePaths).allSatisfy { !$0.contains("glibc") })
      let names = try await image.contents().layers.flatMap { $0.listing.entries.map(\.name) }
      #expect(names.contains { $0.hasSuffix("lib/x") })
      #expect(!names.contains { $0.hasSuffix("x.a") })
      #expect(try await nix.failure(#"buildImage { name = "x"; colour = 1; }"#).contains("has no argument 'colour'"))
      let config = try await nix.failure(#"buildImage { name = "x"; config = { Env = "A=b"; }; }"#)
      #expect(config.contains("Env"), "\(config)")
    }
  }

  @Test func pathsInTheConfigurationAreFoundWhateverFollowsThem() async throws {
    try await withNix { nix in
      try nix.write("text", to: "notes+1.txt")
      let image = try await nix.image(
        """
        buildImage {
          name = "x";
          config.Cmd = [ "--map=${\(nix.directory)/notes+1.txt}=/mnt" "${glibc}.so" "${cacert}-a" "/nix/store/00000000000000000000000000000000-x" ];
        }
        """)
      let names = image.layers.flatMap(\.content.storePaths).map { $0.dropFirst(44) }
      #expect(Set(names) == ["notes+1.txt", "glibc-2.40", "nss-cacert-3.101"])
    }
  }

  @Test func aLayerIsThereOnceWhateverItWasMadeOver() async throws {
    try await withNix { nix in
      let count = try await nix.evaluate(
        """
        let
          a = buildLayer { deps = [ glibc ]; }; b = buildLayer { deps = [ cacert ]; };
          c = buildLayer { deps = [ tzdata ]; layers = [ a b ]; };
        in builtins.length (buildImage { name = "x"; layers = [ b c ]; }).groups
        """)
      #expect(count == "3")
      #expect(try await nix.failure("buildLayer { dep = [ glibc ]; }").contains("has no argument 'dep'"))
      #expect(
        try await nix.failure(#"buildLayer { deps = [ glibc ]; compatible = true; exclude = [ "*.a" ]; }"#)
          .contains("nothing that nix2container has"))
    }
  }

  @Test func credentialsDoNotEnterTheStore() async throws {
    try await withNix { nix in
      try nix.write("{}", to: "auth.json")
      let place = try await nix.evaluate(
        #"(pullImage { imageName = "a"; imageDigest = "sha256:0"; sha256 = ""; authFile = \#(nix.directory)/auth.json; }).drvAttrs.REGISTRY_AUTH_FILE"#
      )
      #expect(place == "\"\(nix.directory)/auth.json\"")
    }
  }

  @Test func whatWouldHideStorePathsIsRefusedAndPartsOfThemAreTaken() async throws {
    try await withNix { nix in
      let hiding = try await nix.failure(
        #"buildImage { name = "x"; copyToRoot = derive "bad" "mkdir -p $out/nix; echo > $out/nix/store"; config = configOf server; }"#
      )
      #expect(hiding.contains("hide the store paths below it"), "\(hiding)")
      let image = try await nix.image(
        #"buildImage { name = "x"; copyToRoot = "${cacert}/etc"; layers = [ (buildLayer { deps = [ "${glibc}/lib" ]; }) ]; }"#
      )
      let names = try await image.contents().layers.flatMap { $0.listing.entries.map(\.name) }
      #expect(names.contains("ssl/certs/ca-bundle.crt"))
      // Nobody refers to the whole of it.
      #expect(!names.contains { $0.contains("nss-cacert") })
      #expect(names.contains { $0.hasSuffix("lib/libc.so.6") })
    }
  }

  @Test func bytesAreKeptWhereALayerCannotBeMadeAgain() async throws {
    try await withNix { nix in
      let layer = try await nix.build("buildLayer { deps = [ server ]; reproducible = false; maxLayers = 2; }")
      let blobs = try FileSystem.names(in: layer).filter { $0 != "layers.json" }
      #expect(blobs.count == 2)
      for blob in blobs {
        let bytes = try FileSystem.contents(of: layer.appending(blob))
        #expect("\(Digest.of(bytes).hex).tar.gz" == blob)
      }
      let image = try await nix.image(
        #"buildImage { name = "x"; layers = [ (buildLayer { deps = [ server ]; reproducible = false; maxLayers = 2; }) ]; }"#
      )
      // Layers above know what is in them.
      let over = try await nix.image(
        #"buildImage { name = "x"; layers = [ (buildLayer { deps = [ glibc ]; reproducible = false; }) (buildLayer { deps = [ server ]; }) ]; }"#
      )
      let paths = over.layers.flatMap(\.content.storePaths)
      #expect(paths.count { $0.hasSuffix("glibc-2.40") } == 1)
      let memory = MemoryStore()
      try await image.push(to: memory, tags: ["a"])
      #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: memory) == [])
    }
  }

  @Test func aPreviousDescriptionKeepsLayersAndTheirDigests() async throws {
    try await withNix { nix in
      let first = try await nix.build("attic")
      try await Tool.run("cp", ["-L", first.string, "previous.json"], in: nix.directory)
      let before = try AssembledImage(descriptionFile: first)
      let after = try await nix.image(
        """
        let server = serverOf "0.2.0"; in buildImage {
          name = "attic"; copyToRoot = rootOf server; config = configOf server; previousPlan = \(nix.directory)/previous.json;
        }
        """)
      let kept = Set(before.layers.map(\.descriptor.digest)).intersection(after.layers.map(\.descriptor.digest))
      #expect(kept.count == before.layers.count - 2)
    }
  }

  @Test(.enabled(if: Tool.areInstalled("go"))) func compatibleLayersHaveTheDigestsOfNix2container() async throws {
    try await withNix { nix in
      let oracle = nix.directory.appending("oracle").string
      let source = "\(NixFixture.repository)/Tests/Oracles/nix2container.go"
      let built = try await Tool.result(
        of: "go", ["build", "-o", oracle, source], in: nix.directory,
        environment: ["GOCACHE": nix.directory.appending("go").string, "GO111MODULE": "off"])
      #expect(built.status == 0, "\(built.errors)")
      let description = try await nix.build(
        """
        let
          mode = { path = rootOf server; regex = "/bin/.*"; mode = "0755"; uid = 1000; };
          libraries = buildLayer { deps = [ cacert glibc ]; compatible = true; maxLayers = 2; };
        in buildImage {
          name = "attic"; layers = [ libraries ]; copyToRoot = [ (rootOf server) ]; perms = [ mode ]; maxLayers = 3; compatible = true;
          config.Env = [ "TZDIR=${tzdata}/share/zoneinfo" ];
        }
        """)
      let json = try JSON(parsing: FileSystem.contents(of: description))
      let layers = try #require(json.objectValue?["layers"]?.arrayValue)
      #expect(layers.count == 5)
      for layer in layers {
        try nix.write(try #require(layer.objectValue?["paths"]).prettyText, to: "paths.json")
        let digest = try await Tool.run("sh", ["-c", "\(oracle) digest < paths.json"], in: nix.directory)
        #expect(layer.objectValue?["digest"]?.stringValue == digest)
        #expect(layer.objectValue?["diff_ids"]?.stringValue == digest)
      }
      // The order is that of popularity, and what lies below is counted before it is left out.
      let root = try await nix.build("rootOf server")
      let graph = try await nix.tool("nix", ["path-info", "--json", "-r", root.string])
      try nix.write(graph.output, to: "graph.json")
      let order = try await Tool.run("sh", ["-c", "\(oracle) order < graph.json"], in: nix.directory)
        .split(separator: "\n").map(String.init).filter { path in
          !["nss-cacert-3.101", "glibc-2.40"].contains { path.hasSuffix($0) }
        }
      let own = layers.dropFirst(2).map { layer in
        (layer.objectValue?["paths"]?.arrayValue ?? []).compactMap { $0.objectValue?["path"]?.stringValue }
      }
      #expect(own.flatMap(\.self) == order)
      #expect(own.map(\.count) == [1, 1, order.count - 2])
      let pushed = try await nix.flywheel(
        "push", description.string, "--to", "oci:compatible:a", "--compression", "gzip")
      #expect(pushed.status == 0, "\(pushed.errors)")
    }
  }

  @Test(.enabled(if: Tool.areInstalled("umoci", "unshare"))) func nixInTheImageKnowsItsStore() async throws {
    try await withNix { nix in
      let description = try await nix.build(
        #"buildImage { name = "nix"; copyToRoot = rootOf server; config = configOf server; initializeNixDatabase = true; }"#
      )
      let again = try await nix.build(
        #"buildImage { name = "nix2"; copyToRoot = rootOf server; config = configOf server; initializeNixDatabase = true; }"#
      )
      #expect(
        try AssembledImage(descriptionFile: description).descriptor
          == AssembledImage(descriptionFile: again).descriptor)
      // On an image of ours the database knows the base's store paths too.
      let over = try await nix.build(
        #"buildImage { name = "over"; fromImage = buildImage { name = "base"; config = configOf server; }; copyToRoot = tzdata; config.Labels.a = "${tzdata}"; initializeNixDatabase = true; }"#
      )
      let database = try await nix.unpack(over, into: "over").appending("nix/var/nix/gcroots/docker")
      #expect(try FileSystem.names(in: database).contains { $0.contains("glibc") })
      let root = try await nix.unpack(description, into: "unpacked")
      func verify() async throws -> Tool.Result {
        let script = "mount --bind '\(root)/nix' /nix && exec nix-store --verify --check-contents"
        return try await nix.tool("unshare", ["-m", "sh", "-c", script])
      }
      let sound = try await verify()
      #expect(sound.status == 0, "\(sound.errors)")
      #expect(!sound.errors.contains("disappeared"), "\(sound.errors)")
      let store = root.appending("nix/store")
      let library = try #require(try FileSystem.names(in: store).first { $0.contains("glibc") })
      try await Tool.run(
        "sh", ["-c", "chmod u+w lib lib/libc.so.6; echo x > lib/libc.so.6"], in: store.appending(library))
      #expect(try await verify().status != 0)
    }
  }

  @Test func aClosureOfThreeHundredPathsIsASmallDescription() async throws {
    try await withNix { nix in
      let expression = """
        let
          package = n: derive "package-${toString n}" ''
            mkdir -p $out/lib; echo ${toString n} ${if n < 3 then "" else "${package (n / 2)} ${package (n - 3)}"} > $out/lib/file
          '';
          # Each is made once.
          packages = builtins.genList make 310;
          make = n: derive "package-${toString n}" ''
            mkdir -p $out/lib
            echo ${toString n} ${if n < 3 then "" else "${builtins.elemAt packages (n / 2)} ${builtins.elemAt packages (n - 3)}"} > $out/lib/file
          '';
          root = derive "root" "mkdir $out; echo ${toString packages} > $out/all";
        in buildImage { name = "large"; copyToRoot = root; strategy = "largest-first"; }
        """
      let description = try await nix.build(expression)
      let image = try AssembledImage(descriptionFile: description)
      #expect(Set(image.layers.flatMap(\.content.storePaths)).count == 310)
      #expect(image.layers.count == ClosureImage.defaultMaximumLayers)
      #expect(try #require(try FileSystem.fileSize(description)) < 300_000)
    }
  }
}

extension Trait where Self == ConditionTrait {
  static func enabled(_ comment: Comment, isThere: Bool) -> Self { .enabled(if: isThere, comment) }
}

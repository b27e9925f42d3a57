import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Tarball
import Testing

/// The images that our first users run, from their sources to registries and to other people's tools, through the command
/// line alone.
struct AcceptanceTests {
  /// A directory with store paths like those of a binary cache's server and its garbage collector: a program, its libraries,
  /// certificates, and a tree of links for the root.
  private struct Fixture {
    let directory: FilePath
    let server: String
    let roots: String

    init(_ directory: FilePath, serverVersion: String = "1") async throws {
      self.directory = directory
      let store = directory.appending("store")
      func path(_ name: String) -> FilePath { store.appending(name) }
      let (glibc, cacert, tzdata) = (path("aaaa-glibc-2.38"), path("bbbb-nss-cacert-3.98"), path("cccc-tzdata-2026a"))
      let (server, root) = (path("dddd-attic-server-\(serverVersion)"), path("eeee-root-\(serverVersion)"))
      for (file, text) in [
        (glibc.appending("lib/libc.so.6"), String(repeating: "glibc", count: 100_000)),
        (cacert.appending("etc/ssl/certs/ca-bundle.crt"), String(repeating: "cert", count: 10_000)),
        (tzdata.appending("share/zoneinfo/UTC"), "UTC0"),
        (server.appending("bin/atticd"), "#!/bin/sh\necho \(serverVersion)\n"),
      ] {
        _ = try FileSystem.createDirectories(file.removingLastComponent())
        try FileSystem.replace(file, with: Array(text.utf8))
      }
      let links = """
        mkdir -p \(root)/bin \(root)/etc/ssl/certs \(root)/share
        ln -s \(server)/bin/atticd \(root)/bin/atticd
        ln -s \(cacert)/etc/ssl/certs/ca-bundle.crt \(root)/etc/ssl/certs/ca-bundle.crt
        ln -s \(tzdata)/share/zoneinfo \(root)/share/zoneinfo
        chmod 755 \(server)/bin/atticd
        """
      try await Tool.run("sh", ["-c", links], in: directory)
      func node(_ path: FilePath, _ size: Int, _ references: [FilePath]) -> String {
        let list = references.map { "\"\($0)\"" }.joined(separator: ",")
        let hash = Digest.of(Array(path.string.utf8)).hex
        return #"{"path":"\#(path)","narSize":\#(size),"narHash":"sha256:\#(hash)","references":[\#(list)]}"#
      }
      let nodes = [
        node(glibc, 500_000, []), node(cacert, 40_000, []), node(tzdata, 1000, []), node(server, 30_000, [glibc]),
        node(root, 500, [server, cacert, tzdata]),
      ]
      try FileSystem.replace(
        directory.appending("closure.json"), with: Array("[\(nodes.joined(separator: ","))]".utf8))
      self.server = server.string
      roots = root.string
      for (name, mode, ports) in [
        ("server", "api-server", #","ExposedPorts":{"8080/tcp":{}}"#), ("gc", "garbage-collector", ""),
      ] {
        let config = """
          {"Entrypoint":["\(server)/bin/atticd"],"Cmd":["--config","/etc/attic/server.toml","--mode","\(mode)"],
           "Env":["SSL_CERT_FILE=\(cacert)/etc/ssl/certs/ca-bundle.crt","TZ=UTC"]\(ports),
           "Labels":{"org.opencontainers.image.source":"https://example.com/attic","org.opencontainers.image.description":"Attic",
                     "org.opencontainers.image.licenses":"Zlib"}}
          """
        try FileSystem.replace(directory.appending("\(name).config.json"), with: Array(config.utf8))
      }
    }

    func flywheel(_ arguments: String..., status: Int32 = 0, environment: [String: String] = [:]) async throws -> String
    {
      try await flywheel(arguments, status: status, environment: environment)
    }

    func flywheel(_ arguments: [String], status: Int32 = 0, environment: [String: String] = [:]) async throws -> String
    {
      let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("flywheel").path
      var all = ["XDG_CACHE_HOME": directory.appending("cache").string, "HOME": directory.string]
      all.merge(environment) { $1 }
      let result = try await Tool.result(of: program, arguments, in: directory, environment: all)
      #expect(result.status == status, "\(arguments): \(result.errors)")
      return result.output.trimmingCharacters(in: .newlines)
    }

    func build(_ name: String, _ more: String..., platform: String = "linux/amd64") async throws -> String {
      try await flywheel(
        [
          "build", "--closure", "closure.json", "--copy-to-root", roots, "--config", "\(name).config.json",
          "--platform", platform, "--quiet",
        ]
          + more)
    }

    func text(_ name: String) throws -> String {
      String(decoding: try FileSystem.contents(of: directory.appending(name)), as: UTF8.self)
    }
  }

  private func withFixture(_ body: (Fixture) async throws -> Void) async throws {
    try await withTemporaryDirectory { try await body(try await Fixture($0)) }
  }

  /// A base like that of a Node.js or Caddy image, in an image layout.
  private func base(in fixture: Fixture, _ options: String...) async throws {
    for (file, text) in [
      ("base/usr/bin/caddy", "old"), ("base/etc/passwd", "node:x:1000:1000::/home/node:/bin/sh\n"),
      ("base/bin/sh", "sh"),
    ] {
      let path = fixture.directory.appending(file)
      _ = try FileSystem.createDirectories(path.removingLastComponent())
      try FileSystem.replace(path, with: Array(text.utf8))
    }
    _ = try await fixture.flywheel(
      ["build", "--file", "/=base", "--platform", "linux/amd64", "--quiet", "--to", "oci:base-layout:1"] + options)
  }

  private func image(_ name: String, in fixture: Fixture, _ tag: String) async throws -> (
    ImageManifest, ImageConfiguration
  ) {
    let layout = ImageLayoutStore(fixture.directory.appending(name))
    let root = try #require(try await layout.resolve(tag))
    let manifest = try await Document<ImageManifest>(fetching: root, from: layout).value
    return (manifest, try await Document<ImageConfiguration>(fetching: manifest.config, from: layout).value)
  }

  // MARK: Images

  @Test("IMG-1: a server image from a closure", .enabled(if: Tool.areInstalled("umoci")))
  func serverImage() async throws {
    try await withFixture { fixture in
      let digest = try await fixture.build("server", "--to", "oci:out:server", "--description", "image.json")
      try await Tool.run("umoci", ["unpack", "--rootless", "--image", "out:server", "bundle"], in: fixture.directory)
      let root = fixture.directory.appending("bundle/rootfs")
      // Resolved inside the unpacked root.
      let target = try FileManager.default.destinationOfSymbolicLink(atPath: root.appending("bin/atticd").string)
      #expect(target == "\(fixture.server)/bin/atticd")
      #expect(FileSystem.exists(root.appending(FilePath(target).components)))
      #expect(FileSystem.isRealDirectory(root.appending("etc")) && FileSystem.isRealDirectory(root.appending("share")))
      let (_, configuration) = try await image("out", in: fixture, "server")
      #expect(configuration.runtime.entrypoint == ["\(fixture.server)/bin/atticd"])
      #expect(configuration.runtime.command == ["--config", "/etc/attic/server.toml", "--mode", "api-server"])
      #expect(configuration.runtime.exposedPorts == ["8080/tcp"] && configuration.runtime.labels.count == 3)
      #expect(configuration.platform.description == "linux/amd64")
      // On another machine: nothing remembered, another time, another umask.
      let again = try await Tool.run(
        "sh", ["-c", "umask 077; TZ=Asia/Tokyo exec \"$0\" \"$@\"", "true"], in: fixture.directory)
      #expect(again == "")
      #expect(try await fixture.build("server", "--no-cache") == digest)
      // A change of the server alone changes its layer and the root's.
      let before = try await image("out", in: fixture, "server").0.layers.map(\.digest)
      try FileManager.default.removeItem(atPath: fixture.server)
      let next = try await Fixture(fixture.directory, serverVersion: "2")
      _ = try await next.build("server", "--to", "oci:out:next")
      let after = try await image("out", in: fixture, "next").0.layers.map(\.digest)
      #expect(after.count { !before.contains($0) } <= 3)
    }
  }

  @Test("IMG-2: its sibling shares every layer, and the second push sends none")
  func siblingImage() async throws {
    try await withFixture { fixture in
      try await withTestRegistry { registry in
        _ = try await fixture.build("server", "--to", "docker://\(registry.server.address)/team/attic:server")
        let text = try await fixture.build("gc", "--json", "--to", "docker://\(registry.server.address)/team/attic:gc")
        let uploaded = try JSON(parsing: Array(text.utf8)).objectValue?["uploaded"]?.arrayValue?.first?.objectValue
        // The configuration alone.
        #expect(uploaded?["blobs"]?.arrayValue?.count == 1)
        let repository = try registry.repository("team/attic")
        var layers: [[Digest]] = []
        for tag in ["server", "gc"] {
          let root = try #require(try await repository.resolve(tag))
          layers.append(try await Document<ImageManifest>(fetching: root, from: repository).value.layers.map(\.digest))
        }
        #expect(layers[0] == layers[1])
      }
    }
  }

  @Test("IMG-3: an application layer of its own beside the closure")
  func applicationImage() async throws {
    try await withFixture { fixture in
      let app = fixture.directory.appending("app")
      _ = try FileSystem.createDirectories(app)
      try FileSystem.replace(app.appending("index.js"), with: Array("1".utf8))
      _ = try await fixture.flywheel(
        "build", "--closure", "closure.json", "--copy-to-root", fixture.roots, "--file", "/app=app", "--workdir",
        "/app",
        "--entrypoint", "/bin/node", "--cmd", "/app/index.js", "--env", "PORT=3000", "--expose", "3000/tcp",
        "--platform", "linux/amd64",
        "--quiet", "--to", "oci:out:dashboard")
      let (manifest, configuration) = try await image("out", in: fixture, "dashboard")
      #expect(manifest.layers.count == 7)
      #expect(configuration.history.suffix(2).compactMap(\.comment) == ["/app", "root"])
      #expect(configuration.runtime.workingDirectory == "/app")
      // A change of the application changes its layer alone.
      try FileSystem.replace(app.appending("index.js"), with: Array("2".utf8))
      _ = try await fixture.flywheel(
        "build", "--closure", "closure.json", "--copy-to-root", fixture.roots, "--file", "/app=app", "--quiet",
        "--platform", "linux/amd64",
        "--to", "oci:out:next")
      let next = try await image("out", in: fixture, "next").0
      #expect(zip(manifest.layers, next.layers).count { $0.digest != $1.digest } == 1)
    }
  }

  @Test("IMG-4: a dashboard from directories over a base, with its health check")
  func dashboardOverABase() async throws {
    try await withFixture { fixture in
      try await base(
        in: fixture, "--env", "PATH=/usr/bin", "--env", "NODE_VERSION=22", "--entrypoint", "docker-entrypoint.sh")
      for file in ["build/index.js", "package.json"] {
        let path = fixture.directory.appending(file)
        _ = try FileSystem.createDirectories(path.removingLastComponent())
        try FileSystem.replace(path, with: Array(file.utf8))
      }
      try FileSystem.replace(
        fixture.directory.appending("config.json"),
        with: Array(
          #"{"User":"node","WorkingDir":"/app","Cmd":["node","build/index.js"],"Healthcheck":{"Test":["CMD","true"],"Interval":30000000000,"Timeout":5000000000,"StartPeriod":10000000000,"Retries":3}}"#
            .utf8))
      try FileSystem.replace(
        fixture.directory.appending("ca.crt"), with: Array("-----BEGIN CERTIFICATE-----\n".utf8))
      _ = try await fixture.flywheel(
        "build", "--base", "oci:base-layout:1", "--file", "/app/build=build", "--file",
        "/app/package.json=package.json",
        "--ca-bundle", "ca.crt", "--chown", "/app=1000:1000", "--config", "config.json", "--expose", "3000/tcp",
        "--quiet", "--to",
        "oci:out:app")
      let (manifest, configuration) = try await image("out", in: fixture, "app")
      #expect(manifest.layers.count == 2)
      #expect(configuration.runtime.environment == ["PATH=/usr/bin", "NODE_VERSION=22"])
      #expect(configuration.runtime.entrypoint == ["docker-entrypoint.sh"])
      let check = try #require(configuration.runtime.healthCheck)
      #expect(check.retries == 3 && check.interval == .seconds(30))
      let listing = try await fixture.flywheel("inspect", "oci:out:app", "--files")
      #expect(listing.contains("./app type=dir mode=0755 uid=1000 gid=1000"))
      #expect(listing.contains("./etc/ssl/certs/ca-certificates.crt type=file mode=0644"))
      let refused = try await fixture.flywheel("check", "nothing.yaml", status: 65)
      #expect(refused == "")
    }
  }

  @Test("IMG-5: one file over a base, whose layers are taken to the byte")
  func oneFileOverABase() async throws {
    try await withFixture { fixture in
      try await base(
        in: fixture, "--setcap", "/usr/bin/caddy=cap_net_bind_service=ep", "--entrypoint", "caddy", "--cmd", "run",
        "--volume", "/data",
        "--expose", "80/tcp", "--chmod", "/usr/bin/caddy=0755")
      try FileSystem.replace(fixture.directory.appending("caddy"), with: Array("new".utf8))
      _ = try await fixture.flywheel(
        "build", "--base", "oci:base-layout:1", "--file", "/usr/bin/caddy=caddy", "--chmod", "/usr/bin/caddy=0755",
        "--quiet",
        "--to", "oci:out:caddy")
      let (below, baseConfiguration) = try await image("base-layout", in: fixture, "1")
      let (manifest, configuration) = try await image("out", in: fixture, "caddy")
      #expect(manifest.layers.dropLast() == below.layers[...])
      #expect(configuration.runtime == baseConfiguration.runtime)
      #expect(configuration.history.count == 2)
      let listing = try await fixture.flywheel("inspect", "oci:out:caddy", "--files")
      #expect(listing.contains("./usr/bin/caddy type=file mode=0755 uid=0 gid=0 time=1.000000000 size=3"))
    }
  }

  @Test("IMG-6: a build system's file map over a base")
  func fileMapOverABase() async throws {
    try await withFixture { fixture in
      try await base(in: fixture)
      try await Tool.run(
        "sh",
        [
          "-c",
          "mkdir -p bin/tree/sub exec && echo a > bin/tree/sub/a && ln -s sub/a bin/tree/link && echo '{}' > exec/package.json && ln -s $PWD/exec/package.json bin/package.json",
        ],
        in: fixture.directory)
      try FileSystem.replace(
        fixture.directory.appending("map.json"),
        with: Array(
          #"{"files":{"/app/build":"bin/tree","/app/package.json":"bin/package.json"},"directories":["/var/empty"],"symlinks":{"/app/current":"build"},"metadata":{"default":{"uid":1000,"gid":1000},"/app/package.json":{"mode":"0600","mtime":"2026-01-01T00:00:00Z"}}}"#
            .utf8))
      _ = try await fixture.flywheel(
        "build", "--base", "oci:base-layout:1", "--file-map", "map.json", "--user", "1000", "--quiet", "--to",
        "oci:out:app")
      let listing = try await fixture.flywheel("inspect", "oci:out:app", "--files")
      #expect(
        listing.contains("./app/package.json type=file mode=0600 uid=1000 gid=1000 time=1767225600.000000000 size=3"))
      #expect(listing.contains("./app/build/link type=link mode=0777 uid=1000 gid=1000 time=1.000000000 link=sub/a"))
      #expect(listing.contains("./var/empty type=dir mode=0755 uid=1000"))
      // What is said of one thing counts more than what is said of all.
      try FileSystem.replace(
        fixture.directory.appending("own.json"),
        with: Array(
          #"{"files":{"/etc/secret":{"content":"x","mode":"0600"}},"directories":{"/d":{"uid":7,"mode":"0700"}},"metadata":{"default":{"mode":"0644","uid":1}}}"#
            .utf8))
      _ = try await fixture.flywheel(
        "build", "--file-map", "own.json", "--platform", "linux/amd64", "--quiet", "--to", "oci:out:own")
      let own = try await fixture.flywheel("inspect", "oci:out:own", "--files")
      #expect(own.contains("./etc/secret type=file mode=0600 uid=1 ") && own.contains("./d type=dir mode=0700 uid=7 "))
      for wrong in [["--file", "/a=map.json", "--chown", "/a=root:1000"], ["--archive", ""], ["--archive", ":/x"]] {
        _ = try await fixture.flywheel(["build"] + wrong, status: 64)
      }
      _ = try await fixture.flywheel("push", "--tag-digest", status: 64)
      // A misspelt path is told.
      try FileSystem.replace(
        fixture.directory.appending("map.json"),
        with: Array(#"{"files":{"/app/build":"bin/tree"},"metadata":{"/app/biuld":{"mode":"0600"}}}"#.utf8))
      _ = try await fixture.flywheel("build", "--file-map", "map.json", status: 65)
    }
  }

  @Test("IMG-7: archives for docker, podman and skopeo, the same each time", .enabled(if: Tool.areInstalled("skopeo")))
  func archives() async throws {
    try await withFixture { fixture in
      _ = try await fixture.build("server", "--description", "image.json")
      for (format, source) in [
        ("docker", "docker-archive:a.tar"), ("oci", "oci-archive:a.tar"), ("hybrid", "docker-archive:a.tar"),
      ] {
        for file in ["a.tar", "b.tar"] {
          _ = try await fixture.flywheel(
            "export", "image.json", file, "--format", format, "--name", "team/attic:1", "--quiet")
        }
        #expect(try fixture.text("a.tar") == fixture.text("b.tar"))
        try await Tool.run(
          "skopeo", ["--insecure-policy", "copy", source, "dir:\(format)"], in: fixture.directory)
      }
      let before = try fixture.text("a.tar")
      let piped = try await Tool.run(
        "sh", ["-c", "\"$0\" export image.json - --name team/attic:1 --quiet > c.tar; cmp a.tar c.tar", program()],
        in: fixture.directory)
      #expect(piped == "" && before.count > 0)
    }
  }

  private func program() -> String {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("flywheel").path
  }

  @Test("IMG-7: podman loads them and has the files", .enabled("podman cannot unpack layers here", Podman.works))
  func podmanLoadsArchives() async throws {
    try await withFixture { fixture in
      _ = try await fixture.build(
        "server", "--description", "image.json", "--to", "docker-archive:d.tar:team/attic:1", "--to",
        "hybrid-archive:h.tar:team/attic:2")
      _ = try await fixture.flywheel(
        "export", "image.json", "o.tar", "--format", "oci", "--name", "team/attic:3", "--quiet")
      for file in ["d.tar", "h.tar", "o.tar"] {
        try await Podman.run(["load", "-q", "-i", file], in: fixture.directory)
      }
      // Docker's form alone has names without a host for podman's own.
      for name in ["localhost/team/attic:1", "docker.io/team/attic:2", "docker.io/team/attic:3"] {
        let mounted = try await Podman.run(["image", "mount", name], in: fixture.directory)
        let root = FilePath(try #require(mounted.split(whereSeparator: \.isNewline).last.map(String.init)))
        #expect(FileSystem.exists(root.appending(FilePath(fixture.server).components).appending("bin/atticd")))
      }
      _ = try? await Podman.run(["image", "umount", "--all", "--force"], in: fixture.directory)
    }
  }

  @Test(
    "IMG-1, IMG-4, IMG-5: podman runs the images", .enabled("podman cannot run containers here", Podman.runsContainers))
  func podmanRunsTheImages() async throws {
    try await withFixture { fixture in
      let busybox = try await Tool.run("sh", ["-c", "command -v busybox"]).trimmingCharacters(in: .newlines)
      // The server is a program that runs: a script that says what it finds.
      let own = FilePath(fixture.server).appending("bin/busybox")
      let script = "#!\(own) sh\necho $TZ\n\(own) wc -c < $SSL_CERT_FILE\n"
      try await Tool.run("cp", [busybox, own.string])
      try FileSystem.replace(FilePath(fixture.server).appending("bin/atticd"), with: Array(script.utf8))
      try await Tool.run("chmod", ["755", "\(fixture.server)/bin/atticd"])
      _ = try await fixture.flywheel(
        "build", "--closure", "closure.json", "--copy-to-root", fixture.roots, "--entrypoint", "/bin/atticd", "--env",
        "TZ=UTC", "--env", "SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt", "--quiet", "--to",
        "hybrid-archive:server.tar:team/server:1")
      try FileSystem.replace(fixture.directory.appending("index.txt"), with: Array("dashboard\n".utf8))
      _ = try await fixture.flywheel(
        "build", "--file", "/bin/sh=\(busybox)", "--file", "/bin/cat=\(busybox)", "--skeleton", "--account",
        "node:1000", "--platform",
        "linux/amd64", "--quiet", "--to", "oci:base-layout:run")
      _ = try await fixture.flywheel(
        "build", "--base", "oci:base-layout:run", "--file", "/app/index.txt=index.txt", "--chown", "/app=1000:1000",
        "--user", "node",
        "--workdir", "/app", "--cmd", "/bin/cat", "--cmd", "index.txt", "--quiet", "--to",
        "docker-archive:app.tar:team/app:1")
      for file in ["server.tar", "app.tar"] { try await Podman.run(["load", "-q", "-i", file], in: fixture.directory) }
      #expect(
        try await Podman.runContainer("docker.io/team/server:1", in: fixture.directory).split(
          whereSeparator: \.isNewline)
          == ["UTC", "40000"])
      #expect(try await Podman.runContainer("localhost/team/app:1", in: fixture.directory) == "dashboard\n")
    }
  }

  @Test("IMG-9: the same files by three ways are the same layer", .enabled(if: Tool.areInstalled("tar")))
  func threeWays() async throws {
    try await withFixture { fixture in
      try await Tool.run(
        "sh",
        [
          "-c",
          "mkdir -p files/srv/a && echo 1 > files/srv/a/one && echo 2 > files/srv/two && ln -s two files/srv/link && tar -C files -czf files.tgz . && chmod -R g+w files",
        ],
        in: fixture.directory)
      try FileSystem.replace(
        fixture.directory.appending("map.json"),
        with: Array(
          #"{"files":{"/srv/a":"files/srv/a","/srv/two":"files/srv/two"},"symlinks":{"/srv/link":"two"}}"#.utf8))
      var layers: Set<String> = []
      for options in [["--file", "/=files"], ["--archive", "files.tgz"], ["--file-map", "map.json"]] {
        let text = try await fixture.flywheel(["build", "--json", "--quiet"] + options)
        let layer = try JSON(parsing: Array(text.utf8)).objectValue?["layers"]?.arrayValue?.first?.objectValue
        layers.insert(try #require(layer?["digest"]?.stringValue))
      }
      #expect(layers.count == 1)
    }
  }

  // MARK: Pushes

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

  // MARK: CI

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

  // MARK: The rest of the verbs

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
      try await base(in: fixture, "--env", "V=1")
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
      let (rebased, configuration) = try await image("out", in: fixture, "rebased")
      let (fresh, _) = try await image("out", in: fixture, "fresh")
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
      let (manifest, configuration) = try await image("out", in: fixture, "v-abc")
      #expect(configuration.runtime.labels == ["commit": "abc"] && manifest.annotations == ["user": "nobody"])
      _ = try await fixture.flywheel(
        ["build", "--file", "/a=closure.json", "--stamp-file", "status.txt", "--label", "x=${MISSING}"], status: 65)
    }
  }
}

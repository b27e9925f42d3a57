import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Tarball
import Testing

/// The images that our first users run, from their sources to other people's tools, through the command line alone.
struct AcceptanceImageTests {
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
      let (_, configuration) = try await fixture.image("out", "server")
      #expect(configuration.runtime.entrypoint == ["\(fixture.server)/bin/atticd"])
      #expect(configuration.runtime.command == ["--config", "/etc/attic/server.toml", "--mode", "api-server"])
      #expect(configuration.runtime.exposedPorts == ["8080/tcp"] && configuration.runtime.labels.count == 3)
      #expect(configuration.platform.description == "linux/amd64")
      // On another machine: nothing remembered, another time, another umask.
      let elsewhere = try await Tool.result(
        of: "sh",
        [
          "-c", "umask 077; exec \"$0\" \"$@\"", AcceptanceFixture.program, "build", "--closure", "closure.json",
          "--copy-to-root",
          fixture.roots, "--config", "server.config.json", "--platform", "linux/amd64", "--no-cache", "--quiet",
        ], in: fixture.directory, environment: ["TZ": "Asia/Tokyo", "LC_ALL": "C", "HOME": "/nonexistent"])
      #expect(elsewhere.output == digest + "\n", "\(elsewhere.errors)")
      // A change of the server alone changes its layer and the root's two: in the store, and at /.
      let before = try await fixture.image("out", "server").0.layers.map(\.digest)
      try FileManager.default.removeItem(atPath: fixture.server)
      let next = try await AcceptanceFixture(fixture.directory, serverVersion: "2")
      _ = try await next.build("server", "--to", "oci:out:next")
      let after = try await fixture.image("out", "next").0.layers.map(\.digest)
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
      let (manifest, configuration) = try await fixture.image("out", "dashboard")
      #expect(manifest.layers.count == 7)
      #expect(configuration.history.suffix(2).compactMap(\.comment) == ["/app", "root"])
      #expect(configuration.runtime.workingDirectory == "/app")
      // A change of the application changes its layer alone.
      try FileSystem.replace(app.appending("index.js"), with: Array("2".utf8))
      _ = try await fixture.flywheel(
        "build", "--closure", "closure.json", "--copy-to-root", fixture.roots, "--file", "/app=app", "--quiet",
        "--platform", "linux/amd64",
        "--to", "oci:out:next")
      let next = try await fixture.image("out", "next").0
      #expect(zip(manifest.layers, next.layers).count { $0.digest != $1.digest } == 1)
    }
  }

  @Test("IMG-4: a dashboard from directories over a base, with its health check")
  func dashboardOverABase() async throws {
    try await withFixture { fixture in
      try await fixture.makeBase(
        "--env", "PATH=/usr/bin", "--env", "NODE_VERSION=22", "--entrypoint", "docker-entrypoint.sh")
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
      let (manifest, configuration) = try await fixture.image("out", "app")
      #expect(manifest.layers.count == 2)
      #expect(configuration.runtime.environment == ["PATH=/usr/bin", "NODE_VERSION=22"])
      #expect(configuration.runtime.entrypoint == ["docker-entrypoint.sh"])
      let check = try #require(configuration.runtime.healthCheck)
      #expect(check.retries == 3 && check.interval == .seconds(30))
      let listing = try await fixture.flywheel("inspect", "oci:out:app", "--files")
      #expect(listing.contains("./app type=dir mode=0755 uid=1000 gid=1000"))
      #expect(listing.contains("./etc/ssl/certs/ca-certificates.crt type=file mode=0644"))
      let refused = try await fixture.flywheel("check", "nothing.yaml", status: 66)
      #expect(refused == "")
    }
  }

  @Test("IMG-5: one file over a base, whose layers are taken to the byte")
  func oneFileOverABase() async throws {
    try await withFixture { fixture in
      try await fixture.makeBase(
        "--setcap", "/usr/bin/caddy=cap_net_bind_service=ep", "--entrypoint", "caddy", "--cmd", "run",
        "--volume", "/data",
        "--expose", "80/tcp", "--chmod", "/usr/bin/caddy=0755")
      try FileSystem.replace(fixture.directory.appending("caddy"), with: Array("new".utf8))
      _ = try await fixture.flywheel(
        "build", "--base", "oci:base-layout:1", "--file", "/usr/bin/caddy=caddy", "--chmod", "/usr/bin/caddy=0755",
        "--quiet",
        "--to", "oci:out:caddy")
      let (below, baseConfiguration) = try await fixture.image("base-layout", "1")
      let (manifest, configuration) = try await fixture.image("out", "caddy")
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
      try await fixture.makeBase()
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
        "sh",
        [
          "-c", "\"$0\" export image.json - --name team/attic:1 --quiet > c.tar; cmp a.tar c.tar",
          AcceptanceFixture.program,
        ],
        in: fixture.directory)
      #expect(piped == "" && before.count > 0)
    }
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
}

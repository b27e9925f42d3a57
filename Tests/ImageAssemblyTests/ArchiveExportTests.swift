import Foundation
import ImageAssembly
import OCICore
import OCITesting
import Registry
import SystemPackage
import Tarball
import Testing

/// Images as one tar, for other people's tools and for daemons.
struct ArchiveExportTests {
  private func image(in directory: FilePath) async throws -> AssembledImage {
    let store = try await FakeStore(in: directory)
    var settings = ImageSettings(platform: Platform(architecture: "amd64"))
    settings.runtime.entrypoint = ["/bin/run"]
    return try await ClosureImage(store.graph, copyToRoot: [store.root], settings: settings, encoding: .gzip(level: 1))
      .assemble()
  }

  @Test(arguments: ArchiveExport.Form.allCases) func theSizeIsKnownAndTheBytesAreTheSame(form: ArchiveExport.Form)
    async throws
  {
    try await withTemporaryDirectory { directory in
      let image = try await image(in: directory)
      let export = try await ArchiveExport(image.descriptor, in: image.content(), form: form, names: ["team/app:1"])
      let path = directory.appending("a.tar")
      try await export.write(to: path)
      #expect(try FileSystem.fileSize(path) == export.size)
      let again = try await export.source.open().collect(upTo: 64 << 20)
      #expect(try FileSystem.contents(of: path) == again)
      let names = try await Archive(file: path).listing().entries.map(\.name)
      #expect(names.contains("manifest.json") == (form != .oci))
      #expect(names.contains("index.json") == (form != .docker))
      #expect(names.count == Set(names).count)
      let listed = try await Tool.run("tar", ["-tf", path.string])
      #expect(listed.split(separator: "\n").count == names.count)
    }
  }

  @Test(.enabled(if: Tool.areInstalled("skopeo")), arguments: ArchiveExport.Form.allCases)
  func skopeoReadsWhatIsWritten(form: ArchiveExport.Form) async throws {
    try await withTemporaryDirectory { directory in
      let image = try await image(in: directory)
      let export = try await ArchiveExport(
        image.descriptor, in: image.content(), form: form, names: ["team/app:1", "host.example/team/app:2"])
      try await export.write(to: directory.appending("a.tar"))
      let sources =
        form == .oci
        ? ["oci-archive:a.tar:team/app:1"]
        : ["docker-archive:a.tar:docker.io/team/app:1", "docker-archive:a.tar:host.example/team/app:2"]
      for (index, source) in sources.enumerated() {
        try await Tool.run("skopeo", ["--insecure-policy", "copy", source, "oci:out-\(index):x"], in: directory)
        let layout = ImageLayoutStore(directory.appending("out-\(index)"))
        let manifest = try #require(try await layout.resolve("x"))
        let contents = try await ImageContents(manifest, in: layout)
        #expect(try await ImageDifference(from: image.contents(), to: contents).files.isEmpty)
        #expect(contents.configuration == image.configuration)
      }
    }
  }

  @Test func anIndexHasNoPlaceInDockersForm() async throws {
    let image = try await BaseImageTests.base()
    let index = try AssembledIndex([image])
    let oci = try await ArchiveExport(index.descriptor, in: index.content(), form: .oci, names: ["a:1"])
    #expect(oci.size > 0)
    await #expect(throws: OCIError.self) {
      try await ArchiveExport(index.descriptor, in: index.content(), form: .docker, names: ["a:1"])
    }
    await #expect(throws: OCIError.self) {
      try await ArchiveExport(
        image.descriptor, in: image.content(), form: .docker, names: ["a@sha256:\(Digest.of([]).hex)"])
    }
  }

  @Test func aSourceThatChangedLeavesNoFileBehind() async throws {
    try await withTemporaryDirectory { directory in
      let image = try await image(in: directory)
      let export = try await ArchiveExport(image.descriptor, in: image.content(), form: .hybrid, names: [])
      try FakeStore.write("other\n", to: directory.appending("store/cccc-root/etc/config"))
      let out = directory.appending("out")
      _ = try FileSystem.createDirectories(out)
      await #expect(throws: AssemblyError.self) { try await export.write(to: out.appending("a.tar")) }
      #expect(try FileSystem.names(in: out) == [])
    }
  }

  // MARK: Daemons

  /// Our own little daemon, which keeps what it is sent: the real ones run in few places.
  @Test(.enabled(if: Tool.areInstalled("python3"))) func aDaemonIsSentTheArchiveOnceAndItsRefusalIsTold() async throws {
    try await withTemporaryDirectory { directory in
      let script = """
        import http.server, json, os, socketserver, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def address_string(self): return "local"
            def log_message(self, *args): pass
            def answer(self, status, body):
                self.send_response(status); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
            def do_GET(self):
                try: identity = open("loaded-id").read()
                except OSError: return self.answer(404, b'{"message":"no such image"}')
                self.answer(200, json.dumps({"Id": identity}).encode())
            def do_POST(self):
                rest = int(self.headers["Content-Length"])
                with open("loaded.tar", "wb") as out:
                    while rest:
                        chunk = self.rfile.read(min(rest, 65536)); rest -= len(chunk); out.write(chunk)
                if os.path.exists("refuse"): return self.answer(200, b'{"stream":"x"}\\n{"error":"no space left"}\\n')
                self.answer(200, b'{"stream":"Loaded image: a:1"}\\n')
        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer): pass
        server = Server("daemon.sock", Handler)
        open("ready", "w").close()
        server.serve_forever()
        """
      try FileSystem.replace(directory.appending("daemon.py"), with: Array(script.utf8))
      let process = try Tool.start("python3", ["daemon.py"], in: directory)
      defer { process.stop() }
      for _ in 0..<200 where !FileSystem.exists(directory.appending("ready")) {
        try await Task.sleep(for: .milliseconds(50))
      }
      let daemon = ContainerDaemon(.docker, socket: directory.appending("daemon.sock"))
      #expect(try await daemon.imageID(of: "a:1") == nil)
      let image = try await image(in: directory)
      let export = try await ArchiveExport(image.descriptor, in: image.content(), form: .docker, names: ["a:1"])
      try await daemon.load(size: export.size, from: export.source)
      let sent = try await export.source.open().collect(upTo: 64 << 20)
      #expect(try FileSystem.contents(of: directory.appending("loaded.tar")) == sent)
      try FileSystem.replace(
        directory.appending("loaded-id"), with: Array(image.manifest.config.digest.description.utf8))
      #expect(try await daemon.imageID(of: "a:1") == image.manifest.config.digest)
      try FileSystem.replace(directory.appending("refuse"), with: [])
      let error = await #expect(throws: RegistryError.self) {
        try await daemon.load(size: export.size, from: export.source)
      }
      #expect(error?.code == .rejected && error?.message.contains("no space left") == true)
      // An error of the source is told as it is.
      try FakeStore.write("other\n", to: directory.appending("store/cccc-root/etc/config"))
      await #expect(throws: AssemblyError.self) { try await daemon.load(size: export.size, from: export.source) }
    }
    let nobody = ContainerDaemon(.podman, socket: "/nonexistent/daemon.sock")
    let error = await #expect(throws: RegistryError.self) { try await nobody.imageID(of: "a") }
    #expect(error?.code == .unreachable)
  }

  @Test func theUsualSocketsAreFound() throws {
    #expect(try ContainerDaemon.standard(.docker) { _ in nil }.socket == "/var/run/docker.sock")
    #expect(try ContainerDaemon.standard(.docker) { $0 == "DOCKER_HOST" ? "unix:///x.sock" : nil }.socket == "/x.sock")
    #expect(throws: RegistryError.self) { try ContainerDaemon.standard(.podman) { _ in "ssh://host" } }
  }
}

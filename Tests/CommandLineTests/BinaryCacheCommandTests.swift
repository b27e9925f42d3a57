import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

/// Verbs that take store paths from a binary cache, as a machine without the store sees them.
@Suite(.enabled(if: NixCache.isAvailable && Tool.areInstalled("python3"))) struct BinaryCacheCommandTests {
  private struct Machine {
    let directory: FilePath
    let nix: NixCache

    func flywheel(_ arguments: String..., status: Int32 = 0, failing text: String = "") async throws -> String {
      let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("flywheel").path
      let result = try await Tool.result(
        of: program, arguments, in: directory,
        environment: ["XDG_CACHE_HOME": directory.appending("home").string, "PATH": directory.string])
      #expect(result.status == status, "\(arguments): \(result.errors)")
      #expect(text.isEmpty || result.errors.contains(text), "\(result.errors)")
      return result.output.trimmingCharacters(in: .newlines)
    }

    /// The image as the store gives it, with its description.
    func buildFromStore() async throws -> String {
      var graph = ""
      for path in try await NixStoreFacts.closure(of: nix.root) { graph += (graph.isEmpty ? "" : ",") + path }
      try "[\(graph)]".write(toFile: directory.appending("closure.json").string, atomically: false, encoding: .utf8)
      return try await flywheel(
        "build", "--closure", "closure.json", "--copy-to-root", nix.root.string, "--entrypoint", "/bin/run",
        "--compression", "gzip:1", "--description", "image.json", "--quiet", "--no-cache")
    }
  }

  /// What Nix itself says.
  private enum NixStoreFacts {
    static func closure(of root: FilePath) async throws -> [String] {
      let text = try await Tool.result(of: "nix-store", ["--query", "--requisites", root.string]).output
      var result: [String] = []
      for path in text.split(separator: "\n").map(String.init) {
        let size = try await Tool.result(of: "nix-store", ["--query", "--size", path]).output.trimmingCharacters(
          in: .newlines)
        let references = try await Tool.result(of: "nix-store", ["--query", "--references", path]).output.split(
          separator: "\n")
        let list = references.map { "\"\($0)\"" }.joined(separator: ",")
        result.append("{\"path\":\"\(path)\",\"narSize\":\(size),\"references\":[\(list)]}")
      }
      return result
    }
  }

  private func withMachine(_ body: (Machine) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      try await body(Machine(directory: directory, nix: try await NixCache(in: directory)))
    }
  }

  private func withServer(_ directory: FilePath, _ body: (String) async throws -> Void) async throws {
    let script = """
      import http.server, os
      class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
          if self.path.startswith("/private"):
            if self.headers.get("Authorization") != "Basic dXNlcjpzZWNyZXQ=": return self.send_error(401)
            self.path = self.path[8:]
          super().do_GET()
      server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
      open("port.new", "w").write(str(server.server_port))
      os.rename("port.new", "port")
      server.serve_forever()
      """
    let process = try Tool.start("python3", ["-c", script], in: directory)
    defer { process.stop() }
    let file = directory.appending("port").string
    while !FileManager.default.fileExists(atPath: file), process.isRunning {
      try await Task.sleep(for: .milliseconds(10))
    }
    try await body("http://127.0.0.1:\(try String(contentsOfFile: file, encoding: .utf8))")
  }

  @Test func aMachineWithoutNixAndStoreMakesTheSameImage() async throws {
    try await withMachine { machine in
      let (nix, wanted) = (machine.nix, try await machine.buildFromStore())
      let place = try await nix.copy(compression: "zstd")
      try await nix.delete()
      try await withServer(place) { address in
        for cache in ["file://\(place)", address] {
          let options = ["--binary-cache", cache, "--trusted-public-key", nix.publicKey]
          let built = try await machine.flywheel(
            "build", "--nix-path", nix.root.string, "--copy-to-root", nix.root.string, "--entrypoint", "/bin/run",
            "--compression", "gzip:1", "--description", "cached.json", "--quiet", options[0], options[1], options[2],
            options[3])
          #expect(built == wanted)
          #expect(
            FileManager.default.contentsEqual(
              atPath: machine.directory.appending("cached.json").string,
              andPath: machine.directory.appending("image.json").string))
          // The description of the machine with the store is enough.
          let name = cache.hasPrefix("file") ? "file" : "web"
          let pushed = try await machine.flywheel(
            "push", "image.json", "--to", "oci:\(name):t", "--quiet", options[0], options[1], options[2], options[3])
          #expect(pushed == wanted)
          let layout = ImageLayoutStore(machine.directory.appending(name))
          #expect(try await layout.resolve("t")?.digest.description == wanted)
        }
        let options = ["--binary-cache", address, "--trusted-public-key", nix.publicKey]
        _ = try await machine.flywheel("verify", "image.json", options[0], options[1], options[2], options[3])
        _ = try await machine.flywheel(
          "export", "image.json", "image.tar", "--quiet", options[0], options[1], options[2], options[3])
        let plan = try await machine.flywheel(
          "plan", "--nix-path", nix.root.string, "--json", options[0], options[1], options[2], options[3])
        #expect(nix.paths.allSatisfy { plan.contains($0) })
        let secrets = machine.directory.appending("netrc")
        try "machine 127.0.0.1 login user password secret\n"
          .write(toFile: secrets.string, atomically: false, encoding: .utf8)
        let same = try await machine.flywheel(
          "plan", "--nix-path", nix.root.string, "--json", "--binary-cache", "\(address)/private", options[2],
          options[3],
          "--netrc-file", "netrc")
        #expect(same == plan)
        _ = try await machine.flywheel(
          "plan", "--nix-path", nix.root.string, "--binary-cache", "\(address)/private", options[2], options[3],
          status: 77, failing: "netrc")
        let list = try await machine.flywheel(
          "sbom", "image.json", "--nix-path", nix.root.string, options[0], options[1], options[2], options[3])
        #expect(list.components(separatedBy: "checksumValue").count - 1 >= nix.paths.count)
      }
    }
  }

  /// A path of 220 MiB, in a cache that a few lines make.
  @Test func aLargeArchiveNeedsLittleMemory() async throws {
    let script = """
      import hashlib, os, resource, struct, subprocess, sys
      string = lambda b: struct.pack("<Q", len(b)) + b + bytes(-len(b) % 8)
      size, block = 220 << 20, os.urandom(1 << 20)
      begin = b"".join(map(string, [b"nix-archive-1", b"(", b"type", b"regular", b"contents"])) + struct.pack("<Q", size)
      os.mkdir("large")
      digest = hashlib.sha256()
      with open("large/nar", "wb") as file:
        for part in [begin] + [block] * (size >> 20) + [string(b")")]:
          digest.update(part)
          file.write(part)
      name = "0123456789abcdfghijklmnpqrsvwxyz-large"
      open("large/%s.narinfo" % name[:32], "w").write(
        "StorePath: /nix/store/%s\\nURL: nar\\nCompression: none\\nNarHash: sha256:%s\\nNarSize: %d\\nReferences: \\n"
        % (name, digest.hexdigest(), os.path.getsize("large/nar")))
      result = subprocess.run(sys.argv[1:] + ["build", "--nix-path", "/nix/store/" + name, "--compression", "none",
        "--allow-unsigned", "--binary-cache", "file://" + os.path.abspath("large"), "--quiet", "--no-cache"])
      print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
      sys.exit(result.returncode)
      """
    try await withTemporaryDirectory { directory in
      let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("flywheel").path
      let result = try await Tool.result(of: "python3", ["-c", script, program], in: directory)
      #expect(result.status == 0, "\(result.errors)")
      let peak = try #require(result.output.split(separator: "\n").last.flatMap { Int($0) })
      #expect(peak < 180, "\(peak) MiB")
    }
  }

  @Test func whatCannotBeTrustedOrReachedHasItsOwnExitCode() async throws {
    try await withMachine { machine in
      let nix = machine.nix
      _ = try await machine.buildFromStore()
      let place = try await nix.copy(compression: "none")
      try await nix.delete()
      let root = nix.root.string
      func push(_ options: String..., status: Int32, failing text: String) async throws {
        let all = ["push", "image.json", "--to", "oci:out:t", "--quiet"] + options
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
          .appendingPathComponent("flywheel").path
        let result = try await Tool.result(
          of: program, all, in: machine.directory,
          environment: ["XDG_CACHE_HOME": machine.directory.appending("home").string, "PATH": ""])
        #expect(result.status == status && result.errors.contains(text), "\(result.status) \(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: machine.directory.appending("out/index.json").string))
      }
      try await push(status: 66, failing: "does not exist")
      try await push("--binary-cache", "file://\(place)", status: 77, failing: "signed by test-1")
      try await push("--binary-cache", "file:///no/such/cache", status: 66, failing: "is no directory")
      try await push("--binary-cache", "http://127.0.0.1:1", "--attempts", "1", status: 69, failing: "127.0.0.1:1")
      try await push("--binary-cache", "ftp://x", status: 64, failing: "must be file:///")
      try await push("--allow-unsigned", status: 64, failing: "belong to --binary-cache")
      _ = try await machine.flywheel(
        "build", "--nix-path", root, "--binary-cache", "file://\(place)", status: 77, failing: "is not trusted")
      for name in try FileManager.default.contentsOfDirectory(atPath: place.appending("nar").string) {
        let file = place.appending("nar").appending(name).string
        var bytes = try #require(FileManager.default.contents(atPath: file))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: file))
      }
      try await push(
        "--binary-cache", "file://\(place)", "--trusted-public-key", nix.publicKey, status: 74,
        failing: "is not what it should be")
      try FileManager.default.removeItem(atPath: place.appending("nar").string)
      try await push(
        "--binary-cache", "file://\(place)", "--allow-unsigned", status: 66, failing: "although it says so")
    }
  }
}

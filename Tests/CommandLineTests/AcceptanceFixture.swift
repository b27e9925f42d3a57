import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Tarball
import Testing

func withFixture(_ body: (AcceptanceFixture) async throws -> Void) async throws {
  try await withTemporaryDirectory { try await body(try await AcceptanceFixture($0)) }
}

/// A directory with store paths like those of a binary cache's server and its garbage collector: a program, its libraries,
/// certificates, and a tree of links for the root.
struct AcceptanceFixture {
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

  func flywheel(_ arguments: String..., status: Int32 = 0, environment: [String: String] = [:]) async throws -> String {
    try await flywheel(arguments, status: status, environment: environment)
  }

  func flywheel(_ arguments: [String], status: Int32 = 0, environment: [String: String] = [:]) async throws -> String {
    var all = ["XDG_CACHE_HOME": directory.appending("cache").string, "HOME": directory.string]
    all.merge(environment) { $1 }
    let result = try await Tool.result(of: Self.program, arguments, in: directory, environment: all)
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

extension AcceptanceFixture {
  /// The program.
  static var program: String {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("flywheel").path
  }

  /// A base like that of a Node.js or Caddy image, in an image layout.
  func makeBase(_ options: String...) async throws {
    for (file, text) in [
      ("base/usr/bin/caddy", "old"), ("base/etc/passwd", "node:x:1000:1000::/home/node:/bin/sh\n"),
      ("base/bin/sh", "sh"),
    ] {
      let path = directory.appending(file)
      _ = try FileSystem.createDirectories(path.removingLastComponent())
      try FileSystem.replace(path, with: Array(text.utf8))
    }
    _ = try await flywheel(
      ["build", "--file", "/=base", "--platform", "linux/amd64", "--quiet", "--to", "oci:base-layout:1"] + options)
  }

  func image(_ name: String, _ tag: String) async throws -> (
    ImageManifest, ImageConfiguration
  ) {
    let layout = ImageLayoutStore(directory.appending(name))
    let root = try #require(try await layout.resolve(tag))
    let manifest = try await Document<ImageManifest>(fetching: root, from: layout).value
    return (manifest, try await Document<ImageConfiguration>(fetching: manifest.config, from: layout).value)
  }
}

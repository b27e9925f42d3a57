import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// TLS with certificates of our own making, and proxies.
@Suite(.enabled(if: Tool.areInstalled("openssl")))
struct TLSTests {
  /// An authority, a server's certificate for a few names, and a client's.
  private func withCertificates(_ body: (FilePath) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let script = """
        set -e
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=ca 2>/dev/null
        for name in server client; do
          openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.csr -subj /CN=$name 2>/dev/null
          printf 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:registry.test' > ext
          openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out $name.crt 2>/dev/null
        done
        """
      try Data(script.utf8).write(to: URL(fileURLWithPath: directory.appending("make").string))
      try await Tool.run("sh", ["make"], in: directory)
      try await body(directory)
    }
  }

  private func withServer(
    _ directory: FilePath, clientAuthorities: FilePath? = nil, _ body: (RegistryServer) async throws -> Void
  ) async throws {
    let server = try await RegistryServer.start(
      layout: directory.appending("layout"),
      identity: .init(
        certificate: directory.appending("server.crt"), key: directory.appending("server.key"),
        clientAuthorities: clientAuthorities))
    do { try await body(server) } catch {
      await server.shutdown()
      throw error
    }
    await server.shutdown()
  }

  private func push(_ seed: UInt64, _ host: String, _ configuration: RegistryConfiguration) async throws {
    var configuration = configuration
    configuration.maximumAttempts = 2
    try await RegistryClient.using(configuration) { client in
      let image = SampleImage(seed: seed)
      let repository = try client.repository(host: host, name: "team/app")
      try await image.push(to: repository, tags: ["1"])
      guard try await repository.resolve("1") == image.manifest else { throw CancellationError() }
    }
  }

  @Test func anAuthorityOfOurOwnIsTrustedWhereItIsNamed() async throws {
    try await withCertificates { directory in
      try await withServer(directory) { server in
        var configuration = RegistryConfiguration()
        configuration.secureHosts = ["127.0.0.1"]
        await #expect { try await push(1, server.address, configuration) } throws: {
          guard let error = $0 as? RegistryError else { return false }
          return error.code == .unreachable && error.message.contains("certificate")
        }
        configuration.certificates.authorities = [directory.appending("ca.crt")]
        try await push(1, server.address, configuration)
        // And as `certs.d` of Docker and podman, which says for this host that it speaks TLS.
        let host = directory.appending("certs.d").appending(server.address)
        try FileManager.default.createDirectory(atPath: host.string, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
          atPath: directory.appending("ca.crt").string, toPath: host.appending("ca.crt").string)
        var certsD = RegistryConfiguration()
        certsD.certificates.directories = [directory.appending("certs.d")]
        try await push(2, server.address, certsD)
        var unverified = RegistryConfiguration()
        unverified.secureHosts = ["127.0.0.1"]
        unverified.unverifiedHosts = [server.address]
        try await push(3, server.address, unverified)
      }
    }
  }

  @Test func aClientShowsItsCertificate() async throws {
    try await withCertificates { directory in
      try await withServer(directory, clientAuthorities: directory.appending("ca.crt")) { server in
        let host = directory.appending("certs.d").appending(server.address)
        try FileManager.default.createDirectory(atPath: host.string, withIntermediateDirectories: true)
        func copy(_ from: String, _ to: String) throws {
          try FileManager.default.copyItem(atPath: directory.appending(from).string, toPath: host.appending(to).string)
        }
        try copy("ca.crt", "ca.crt")
        var configuration = RegistryConfiguration()
        configuration.certificates.directories = [directory.appending("certs.d")]
        await #expect(throws: RegistryError.self) { try await push(1, server.address, configuration) }
        try copy("client.crt", "client.cert")
        try copy("client.key", "client.key")
        try await push(1, server.address, configuration)
      }
    }
  }

  @Test func aBrokenCertificateFileIsNamed() async throws {
    try await withTemporaryDirectory { directory in
      let host = directory.appending("127.0.0.1:1")
      try FileManager.default.createDirectory(atPath: host.string, withIntermediateDirectories: true)
      try Data("nonsense".utf8).write(to: URL(fileURLWithPath: host.appending("ca.crt").string))
      var configuration = RegistryConfiguration()
      configuration.certificates.directories = [directory]
      await #expect { try await push(1, "127.0.0.1:1", configuration) } throws: {
        guard let error = $0 as? RegistryError else { return false }
        return error.code == .invalidConfiguration && error.message.contains("ca.crt")
      }
    }
  }

  @Test(.enabled(if: Tool.areInstalled("docker-registry"))) func dockersRegistryWithTLSAndPasswords() async throws {
    try await withCertificates { directory in
      try await withDockerRegistry(
        certificate: (directory.appending("server.crt"), directory.appending("server.key")), isProtected: true
      ) { host in
        var configuration = RegistryConfiguration { _, _ in Credentials(user: "alice", password: "p:w") }
        configuration.secureHosts = [host]
        configuration.certificates.authorities = [directory.appending("ca.crt")]
        try await push(1, host, configuration)
        configuration.credentials = { _, _ in Credentials(user: "alice", password: "wrong") }
        await #expect { try await push(2, host, configuration) } throws: {
          ($0 as? RegistryError)?.code == .unauthorized
        }
      }
    }
  }

  /// A proxy that joins every `CONNECT` to one port of this machine, and wants a password.
  private static let proxy = """
    import base64, socket, sys, threading
    target = int(sys.argv[1])
    expected = b"Basic " + base64.b64encode(b"user:pass")
    def pump(a, b):
        try:
            while True:
                data = a.recv(65536)
                if not data: break
                b.sendall(data)
        except OSError: pass
        finally:
            for s in (a, b):
                try: s.shutdown(socket.SHUT_RDWR)
                except OSError: pass
    def serve(client):
        head = b""
        while b"\\r\\n\\r\\n" not in head: head += client.recv(4096)
        lines = head.split(b"\\r\\n")
        open(sys.argv[2], "ab").write(lines[0] + b"\\n")
        if not any(l.lower().startswith(b"proxy-authorization:") and l.endswith(expected) for l in lines):
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\\r\\nContent-Length: 0\\r\\n\\r\\n"); client.close(); return
        server = socket.create_connection(("127.0.0.1", target))
        client.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
        threading.Thread(target=pump, args=(client, server), daemon=True).start()
        pump(server, client)
    listener = socket.socket(); listener.bind(("127.0.0.1", int(sys.argv[3]))); listener.listen(64)
    while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
    """

  @Test(.enabled(if: Tool.areInstalled("python3"))) func aProxyIsGoneThrough() async throws {
    try await withCertificates { directory in
      try await withServer(directory) { server in
        try Data(Self.proxy.utf8).write(to: URL(fileURLWithPath: directory.appending("proxy.py").string))
        let port = Int.random(in: 20_000..<32_000)
        let target = try #require(server.address.split(separator: ":").last)
        let process = try Tool.start("python3", ["proxy.py", String(target), "log", "\(port)"], in: directory)
        defer { process.stop() }
        try await Task.sleep(for: .milliseconds(700))
        var configuration = RegistryConfiguration()
        configuration.certificates.authorities = [directory.appending("ca.crt")]
        configuration.proxies = ProxySettings { $0 == "HTTPS_PROXY" ? "http://user:pass@127.0.0.1:\(port)" : nil }
        // A name that only the proxy knows.
        try await push(1, "registry.test:8443", configuration)
        let log = try String(contentsOfFile: directory.appending("log").string, encoding: .utf8)
        #expect(log.contains("CONNECT registry.test:8443"))
        configuration.proxies = ProxySettings { $0 == "HTTPS_PROXY" ? "http://user:wrong@127.0.0.1:\(port)" : nil }
        await #expect { try await push(2, "registry.test:8443", configuration) } throws: {
          ($0 as? RegistryError)?.code == .unreachable
        }
      }
    }
  }
}

import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Registry

/// Answers are untrusted: whatever comes, it ends with a typed error that says where, and nothing is taken for true.
struct HostileAnswerTests {
  /// Answers everything with the bytes of a file, then closes the connection.
  private static let server = """
    import signal, socket, sys, threading
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    answer = open(sys.argv[1], "rb").read()
    def serve(client):
        try:
            client.recv(65536); client.sendall(answer); client.shutdown(socket.SHUT_WR)
            while client.recv(65536): pass
        except OSError: pass
        client.close()
    listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[2]))); listener.listen(64)
    while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
    """

  static let answers: [String] = [
    "", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\nshort",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "HTTP/1.1 999 ?\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
    "HTTP/1.1 202 Accepted\r\nLocation: ::::\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 202 Accepted\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 202 Accepted\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: /v2/again\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"\u{1}\"\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nDocker-Content-Digest: sha256:zz\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\nContent-Length: 5\r\n\r\n{\"a\":",
    "HTTP/1.1 400 Bad\r\nContent-Length: 30\r\n\r\n{\"errors\":[[],1,{\"code\":[]}]}\u{7}",
    "HTTP/1.1 200 OK\r\nX: " + String(repeating: "y", count: 200_000) + "\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nRange: 0-99999999999999999999999\r\n\r\n",
  ]

  @Test(.enabled(if: Tool.areInstalled("python3")), arguments: answers.indices)
  func whateverComesIsATypedErrorOrNothing(number: Int) async throws {
    try await withTemporaryDirectory { directory in
      let port = Int.random(in: 20_000..<32_000)
      try Data(Self.server.utf8).write(to: URL(fileURLWithPath: directory.appending("server.py").string))
      try Data(Self.answers[number].utf8).write(to: URL(fileURLWithPath: directory.appending("answer").string))
      let process = try Tool.start("python3", ["server.py", "answer", "\(port)"], in: directory)
      defer { process.stop() }
      try await Task.sleep(for: .milliseconds(250))
      var configuration = RegistryConfiguration()
      configuration.maximumAttempts = 1
      configuration.stallTimeout = 2
      try await RegistryClient.using(configuration) { client in
        let repository = try client.repository(host: "127.0.0.1:\(port)", name: "team/app")
        let image = SampleImage(seed: 1)
        let blob = image.blobs[2]
        let operations: [@Sendable () async throws -> Bool] = [
          { try await repository.resolve("1") == nil },
          { try await !repository.exists(blob.descriptor) },
          {
            try await repository.push(blob.descriptor, from: BlobSource(blob.bytes)); return false
          },
          { try await repository.fetch(blob.descriptor).collect(upTo: 1 << 20) == blob.bytes },
          {
            try await repository.publish(image.manifest, bytes: image.manifestBytes, tags: ["1"]); return false
          },
          { try await repository.tags().isEmpty },
          { try await repository.referrers(of: image.manifest, artifactType: nil).isEmpty },
        ]
        for operation in operations {
          do {
            let isHarmless = try await operation()
            // A question may be answered with yes by anybody; what is stored or read may not.
            #expect(isHarmless || Self.answers[number].contains(" 200 "), "answer \(number) is taken for the truth")
          } catch let error as RegistryError {
            #expect(error.message.contains("127.0.0.1:\(port)"), "\(error)")
            #expect(!error.message.contains("\u{7}") && error.message.utf8.count < 1500)
          } catch is OCIError {
            // What was read is not what it should be.
          }
        }
      }
    }
  }

  @Test func nothingMadeOfRandomBytesStopsAParser() {
    var generator = SeededGenerator(seed: 1)
    let pieces = [
      "Bearer ", "Basic", "realm=", "\"", "\\", ",", " ", "=", "scope=\"a b\"", "https://", "[::1]", ":", "/", "?", "&",
      "0-",
      "bytes=", "99", "-", "[[registry]]", "\n", "#", "location", "'", "[", "]", "true", "\u{0}", "é", "\r\n", "%2",
      "%zz",
    ]
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0..<12, using: &generator)).map { _ in
        pieces[Int.random(in: 0..<pieces.count, using: &generator)]
      }.joined()
      _ = AuthChallenge.parse([text])
      _ = RegistryURL(text)?.resolving(text)?.mayBeReached(from: RegistryURL("https://r.io/")!)
      _ = RegistryURL("https://r.io/a")?.resolving(text)
      _ = RegistryURL.percentDecoded(text)
      _ = UploadStatus(range: text, counts: false)
      _ = try? ConfigurationFile(parsing: text)
      _ = ProxySettings.Proxy(text)
      _ = RetryPolicy.retryAfter(text, date: text)
      _ = CredentialFile(name: "x", document: Array(text.utf8))
      #expect(printable(text).utf8.allSatisfy { $0 >= 0x20 })
    }
  }

  // MARK: Redirects of uploads

  @Test(arguments: [307, 308]) func anUploadThatIsRedirectedIsSentThere(status: Int) async throws {
    try await withTestRegistry { registry in
      let bytes = [UInt8](repeating: 4, count: 3 << 20)
      let blob = Descriptor(mediaType: .layerTar, describing: bytes)
      let port = try #require(registry.server.address.split(separator: ":").last)
      let redirected = Recorder<String>()
      registry.server.faults.decide = { method, path in
        guard method == "PUT", path.contains("/uploads/"), redirected.values.isEmpty else { return nil }
        redirected.append(path)
        // The same place by another name.
        let target = "http://localhost:\(port)\(path)?digest=\(blob.digest)"
        return .answer(.init(path: "", status: status, headers: ["Location": target]))
      }
      try await registry.repository().push(blob, from: BlobSource(bytes))
      #expect(try await registry.repository().exists(blob))
      #expect(registry.count("PUT") == 2 && registry.count("POST") == 1 && registry.server.openUploads == 0)
    }
  }

  @Test func anUploadMayBeOnAnotherHost() async throws {
    var manners = RegistryManners()
    manners.headers = [:]
    try await withTestRegistry(manners: manners) { registry in
      let port = try #require(registry.server.address.split(separator: ":").last)
      registry.server.manners.redirectsUploadsTo = "http://localhost:\(port)"
      let bytes = [UInt8](repeating: 4, count: 3 << 20)
      let blob = Descriptor(mediaType: .layerTar, describing: bytes)
      try await registry.repository().push(blob, from: BlobSource(bytes))
      #expect(try await registry.repository().exists(blob))
      #expect(registry.server.openUploads == 0)
    }
  }
}

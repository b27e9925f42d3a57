import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Registry

/// The server against clients that are not kind.
struct ServerTests {
  private static let zeros = "sha256:" + String(repeating: "0", count: 64)

  @Test(arguments: [
    "/v2/../../etc/passwd", "/v2/a/blobs/../../../../etc/passwd", "/v2/a/blobs/sha256:..%2f..%2fetc%2fpasswd",
    "/v2/a/blobs/%2e%2e", "/v2/%2e%2e/%2e%2e/blobs/\(zeros)", "/v2/a/manifests/..",
    "/v2/a/manifests/%2e%2e%2findex.json",
    "/v2/a/manifests/-x", "/v2/a/manifests/a%00b", "/v2/A/manifests/1", "/v2/a//b/manifests/1", "/v2//manifests/1",
    "/v2/a/blobs/sha256:ABC", "/v2/a/blobs/md5:00", "/v2/a/blobs/\(zeros)0", "/v2/a/blobs/\(zeros)", "/v2/a/blobs/",
    "/v2/a/blobs/uploads/nobody", "/v2/a/blobs/uploads/..%2f..%2fx", "/v2/a/tags/list", "/v2/a/x/y", "/", "/v3/",
    "/v2/%ff",
    "/v2/%zz", "/v2/a/manifests/\(String(repeating: "t", count: 129))",
    "/v2/\(String(repeating: "n/", count: 300))x/tags/list",
    "/v2/\(String(repeating: "n", count: 20_000))/manifests/1",
  ])
  func hostilePathsAreRefused(path: String) async throws {
    try await withTestRegistry { registry in
      try await SampleImage(seed: 1).push(to: registry.repository("other"), tags: ["1"])
      for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "BREW"] {
        let status = try await status(method, path, registry)
        #expect((400...499).contains(status), "\(method) gives \(status)")
      }
      #expect(try await registry.repository("other").resolve("1") != nil)
    }
  }

  private func status(
    _ method: String, _ target: String, _ registry: TestRegistry, headers: [(String, String)] = [], body: [UInt8] = []
  ) async throws -> Int {
    var request = Request(
      method: method, url: RegistryURL(scheme: "http", authority: registry.server.address, target: target))
    request.headers = headers.map { ($0.0, $0.1) }
    if !body.isEmpty { request.body = .bytes(body) }
    let response = try await registry.client.transport.send(request)
    _ = await response.beginning()
    return response.status
  }

  private func openUpload(_ registry: TestRegistry) async throws -> String {
    let response = try await registry.client.transport.send(
      Request(
        method: "POST",
        url: RegistryURL(scheme: "http", authority: registry.server.address, target: "/v2/a/blobs/uploads/"),
        body: .bytes([])))
    _ = await response.beginning()
    return try #require(response.header("Location"))
  }

  @Test func hostileManifestsAreRefused() async throws {
    try await withTestRegistry { registry in
      let type = [("Content-Type", MediaType.imageManifest.text)]
      let missing = SampleImage(seed: 1)
      for (body, headers, expected) in [
        (Array("not json".utf8), type, 400), (Array("{}".utf8), type, 400), (missing.manifestBytes, type, 400),
        ([UInt8](repeating: 32, count: (4 << 20) + 1), type, 413),
        (missing.manifestBytes, [("Content-Type", "text/plain")], 400),
        ([UInt8](repeating: UInt8(ascii: "["), count: 1 << 20), type, 400),
      ] {
        #expect(try await status("PUT", "/v2/a/manifests/1", registry, headers: headers, body: body) == expected)
      }
      for blob in missing.blobs {
        try await registry.repository("a").push(blob.descriptor, from: BlobSource(blob.bytes))
      }
      let wrong = "/v2/a/manifests/\(Self.zeros)"
      #expect(try await status("PUT", wrong, registry, headers: type, body: missing.manifestBytes) == 400)
      #expect(try await registry.layout.index()?.manifests.isEmpty ?? true)
    }
  }

  @Test func chunksMustComeInOrder() async throws {
    try await withTestRegistry { registry in
      let location = try await openUpload(registry)
      let first = [UInt8](repeating: 1, count: 1000)
      let range = { (text: String) in [("Content-Range", text)] }
      #expect(try await status("PATCH", location, registry, headers: range("0-999"), body: first) == 202)
      #expect(try await status("PATCH", location, registry, headers: range("0-999"), body: first) == 416)
      #expect(try await status("PATCH", location, registry, headers: range("2000-2999"), body: first) == 416)
      #expect(try await status("PATCH", location, registry, headers: range("x"), body: first) == 416)
      #expect(try await status("PATCH", location, registry, headers: range("1000-1999"), body: first) == 202)
      #expect(try await status("GET", location, registry) == 204)
      let digest = Digest.of(first + first)
      #expect(try await status("PUT", location + "?digest=\(digest)", registry) == 201)
      let blob = Descriptor(mediaType: .layerTar, digest: digest, size: 2000)
      #expect(try await registry.layout.exists(blob))
      #expect(try await status("POST", "/v2/b/blobs/uploads/?mount=\(digest)&from=a", registry, body: [0]) == 201)
    }
  }

  @Test func anUploadOfAnotherDigestIsNotKept() async throws {
    try await withTestRegistry { registry in
      for digest in [Self.zeros, "sha512:" + String(repeating: "0", count: 128), "sha256:..", ""] {
        let location = try await openUpload(registry)
        #expect(try await status("PUT", location + "?digest=\(digest)", registry, body: [1, 2, 3]) == 400)
        _ = try await status("DELETE", location, registry)
      }
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func sha512IsSupported() async throws {
    try await withTestRegistry { registry in
      let bytes = [UInt8](repeating: 4, count: 3 << 20)
      let digest = Digest.of(bytes, using: .sha512)
      let blob = Descriptor(mediaType: .layerTar, digest: digest, size: Int64(bytes.count))
      try await registry.repository().push(blob, from: BlobSource(bytes))
      #expect(try await registry.repository().fetch(blob).collect(upTo: bytes.count) == bytes)
    }
  }

  @Test func shutdownRemovesWhatIsLeftOfUploads() async throws {
    try await withTestRegistry { registry in
      let location = try await openUpload(registry)
      #expect(try await status("PATCH", location, registry, body: [1, 2, 3]) == 202)
      await registry.server.shutdown()
      #expect(try FileSystem.names(in: registry.layout.path.appending("blobs/sha256")) == [])
    }
  }

  @Test func aPortInUseIsReported() async throws {
    try await withTestRegistry { registry in
      let port = try #require(registry.server.address.split(separator: ":").last.flatMap { Int($0) })
      await #expect(throws: RegistryError.self) {
        try await RegistryServer.start(layout: registry.layout.path, port: port)
      }
    }
  }
}

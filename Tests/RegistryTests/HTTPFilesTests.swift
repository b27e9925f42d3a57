import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// Files of a web server are fetched whole or not at all, whatever happens on the way.
@Suite(.enabled(if: Tool.areInstalled("python3"))) struct HTTPFilesTests {
  private static let server = """
    import http.server, os, sys
    counts = {}
    body = bytes(i * 7 % 251 for i in range(300000))
    class Handler(http.server.BaseHTTPRequestHandler):
      protocol_version = "HTTP/1.1"
      def log_message(self, *a): pass
      def answer(self, status, data=b"", headers={}, length=None):
        self.send_response(status)
        for name, value in headers.items(): self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)
      def do_GET(self):
        path = self.path
        count = counts[path] = counts.get(path, 0) + 1
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        if path.startswith("/cut"):
          rest = body[start:]
          if path == "/cut-without-ranges": start, rest = 0, body
          if count < 4:
            self.close_connection = True
            part = rest[:70000 * count]
          else: part = rest
          headers = {"Content-Range": "bytes %d-%d/%d" % (start, len(body) - 1, len(body))} if start else {}
          self.answer(206 if start else 200, part, headers, len(rest))
        elif path == "/busy": self.answer(200, b"ok") if count > 2 else self.answer(503)
        elif path == "/broken": self.answer(500)
        elif path == "/teapot": self.answer(418)
        elif path == "/forbidden": self.answer(403)
        elif path == "/moved": self.answer(302, headers={"Location": "/sub/file"})
        elif path == "/circle": self.answer(302, headers={"Location": "/circle"})
        elif path == "/away":
          self.answer(302, headers={"Location": "http://localhost:%d/authorization" % port})
        elif path == "/authorization": self.answer(200, str(self.headers.get("Authorization")).encode())
        elif path == "/private":
          if self.headers.get("Authorization") == "Basic dXNlcjpzZWNyZXQ=": self.answer(200, b"private")
          else: self.answer(401, headers={"WWW-Authenticate": "Basic"})
        elif path == "/sub/file": self.answer(200, b"file")
        else: self.answer(404)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port = server.server_port
    open("port.new", "w").write(str(port))
    os.rename("port.new", "port")
    server.serve_forever()
    """

  private func withServer(_ body: (String, RegistryClient) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      try Self.server.write(toFile: directory.appending("server.py").string, atomically: false, encoding: .utf8)
      let process = try Tool.start("python3", ["server.py"], in: directory)
      defer { process.stop() }
      let file = directory.appending("port").string
      while !FileManager.default.fileExists(atPath: file), process.isRunning {
        try await Task.sleep(for: .milliseconds(10))
      }
      let port = try String(contentsOfFile: file, encoding: .utf8)
      var configuration = RegistryConfiguration()
      configuration.maximumAttempts = 4
      try await RegistryClient.using(configuration) { client in try await body("http://127.0.0.1:\(port)", client) }
    }
  }

  private func text(_ files: HTTPFiles, _ path: String) async throws -> String? {
    guard let stream = try await files.get(path) else { return nil }
    return String(decoding: try await stream.collect(upTo: 1 << 20), as: UTF8.self)
  }

  @Test func filesAreFoundBelowTheAddressOrNot() async throws {
    try await withServer { address, client in
      #expect(try await text(HTTPFiles(address + "/sub", client: client), "file") == "file")
      let files = try HTTPFiles(address + "/", client: client)
      #expect(try await text(files, "sub/file") == "file")
      #expect(try await text(files, "moved") == "file")
      #expect(try await text(files, "nothing") == nil)
      #expect(try await text(files, "forbidden") == nil)
      #expect(try await text(files, "busy") == "ok")
    }
  }

  @Test(arguments: ["cut", "cut-without-ranges"]) func aConnectionThatBreaksOffIsTakenUpWhereItWas(path: String)
    async throws
  {
    try await withServer { address, client in
      let stream = try #require(try await HTTPFiles(address, client: client).get(path))
      #expect(try await stream.collect(upTo: 1 << 20) == (0..<300_000).map { UInt8($0 * 7 % 251) })
    }
  }

  @Test func refusalsAndBrokenServersAreToldApart() async throws {
    try await withServer { address, client in
      let files = try HTTPFiles(address, client: client)
      for (path, code) in [
        ("private", RegistryError.Code.unauthorized), ("teapot", .rejected), ("circle", .protocolViolation),
        ("broken", .unavailable),
      ] {
        let error = await #expect(throws: RegistryError.self) { try await files.get(path) }
        #expect(error?.code == code && error?.message.contains("\(address)/\(path)") == true, "\(error?.message ?? "")")
      }
    }
  }

  @Test func credentialsGoToTheirServerAlone() async throws {
    try await withServer { address, client in
      let files = try HTTPFiles(address, client: client, credentials: Credentials(user: "user", password: "secret"))
      #expect(try await text(files, "private") == "private")
      #expect(try await text(files, "authorization") == "Basic dXNlcjpzZWNyZXQ=")
      #expect(try await text(files, "away") == "None")
    }
  }

  @Test(arguments: ["ftp://host/", "https://user:secret@host/", "https://host/?a=b", "host", "https://"])
  func otherAddressesAreRefused(address: String) async throws {
    try await RegistryClient.using(RegistryConfiguration()) { client in
      let error = #expect(throws: RegistryError.self) { try HTTPFiles(address, client: client) }
      #expect(error?.code == .invalidConfiguration)
    }
  }

  // MARK: netrc

  private func netrc(_ text: String) async throws -> NetrcFile {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("netrc")
      try text.write(toFile: file.string, atomically: false, encoding: .utf8)
      return try NetrcFile(file)
    }
  }

  @Test func netrcGivesTheFirstMachineThatFits() async throws {
    let file = try await netrc(
      """
      # machine commented.example.org login no password no
      machine a.example.org
        login alice password #secret account x # a comment
      macdef init
      machine b.example.org login macro password macro

      machine B.example.org login bob password pass
      machine a.example.org login other password other
      default login anyone password known
      """)
    #expect(file.credentials(for: "A.example.org") == Credentials(user: "alice", password: "#secret"))
    #expect(file.credentials(for: "b.example.org") == Credentials(user: "bob", password: "pass"))
    #expect(file.credentials(for: "commented.example.org") == Credentials(user: "anyone", password: "known"))
    #expect(try await netrc("machine a login b").credentials(for: "a") == nil)
    #expect(try await netrc("").credentials(for: "a") == nil)
  }

  @Test(arguments: ["machine", "login x", "machine a password", "machine a secret-word x"])
  func aBrokenNetrcIsRefusedWithoutTellingSecrets(text: String) async throws {
    let error = await #expect(throws: RegistryError.self) { try await netrc(text) }
    #expect(error?.code == .credentialsUnavailable && error?.message.contains("secret-word") == false)
  }
}

import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// Real connections that really break: a proxy between client and registry closes the first few of them after some bytes.
@Suite(.enabled(if: Tool.areInstalled("python3")))
struct FlakyNetworkTests {
  private static let proxy = """
    import random, signal, socket, sys, threading
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    port, target, cuts, longest = map(int, sys.argv[1:5])
    random.seed(7)
    lock = threading.Lock()
    left = [cuts]
    def serve(client):
        server = socket.create_connection(("127.0.0.1", target))
        with lock:
            limit = random.randrange(100000, longest) if left[0] > 0 else None
        count = [0]
        def pump(a, b, isUpload):
            try:
                while True:
                    data = a.recv(65536)
                    if not data: break
                    if isUpload and limit is not None:
                        count[0] += len(data)
                        if count[0] > limit:
                            with lock: left[0] -= 1
                            b.sendall(data[:max(0, len(data) - (count[0] - limit))])
                            break
                    b.sendall(data)
            except OSError: pass
            for s in (a, b):
                try: s.shutdown(socket.SHUT_RDWR)
                except OSError: pass
        threading.Thread(target=pump, args=(server, client, False), daemon=True).start()
        pump(client, server, True)
    listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port)); listener.listen(64)
    while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
    """

  private func withProxy(
    to address: String, cuts: Int, longest: Int, _ body: (_ address: String) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      try Data(Self.proxy.utf8).write(to: URL(fileURLWithPath: directory.appending("proxy.py").string))
      let port = Int.random(in: 20_000..<32_000)
      let target = try #require(address.split(separator: ":").last)
      let process = try Tool.start(
        "python3", ["proxy.py", "\(port)", String(target), "\(cuts)", "\(longest)"], in: directory)
      defer { process.stop() }
      try await Task.sleep(for: .milliseconds(300))
      try await body("127.0.0.1:\(port)")
    }
  }

  private func push(_ seed: UInt64, layerSize: Int, to host: String, _ events: Recorder<RegistryEvent>) async throws {
    var configuration = RegistryConfiguration()
    configuration.maximumAttempts = 6
    configuration.onEvent = { events.append($0) }
    let source = MemoryStore()
    let image = SampleImage(seed: seed, layerSizes: [1000, 300_000, layerSize])
    try await image.push(to: source, tags: [])
    try await RegistryClient.using(configuration) { client in
      let repository = try client.repository(host: host, name: "team/app")
      try await copy(image.manifest, from: source, to: repository, tags: ["1"])
      let back = MemoryStore()
      try await copy(image.manifest, from: repository, to: back, tags: ["1"])
      #expect(back.digests == source.digests)
    }
  }

  /// No connection lives long enough for the layer, and none has to.
  @Test func aRegistryThatResumesGetsALayerThatNoConnectionCouldCarry() async throws {
    try await withTestRegistry { registry in
      try await withProxy(to: registry.server.address, cuts: 14, longest: 1_500_000) { host in
        let events = Recorder<RegistryEvent>()
        try await push(1, layerSize: 9 << 20, to: host, events)
        #expect(events.values.count { if case .resumed = $0.kind { true } else { false } } >= 6)
      }
      #expect(registry.server.openUploads == 0)
      // Little is sent twice: what was in the buffers when a connection broke.
      let sent = registry.server.requests.reduce(0) { $0 + $1.bodyBytes }
      #expect(sent < 15 << 20)
    }
  }

  @Test(.enabled(if: Tool.areInstalled("docker-registry"))) func dockersRegistryGetsItWhole() async throws {
    try await withDockerRegistry { registry in
      try await withProxy(to: registry, cuts: 3, longest: 4_000_000) { host in
        let events = Recorder<RegistryEvent>()
        try await push(2, layerSize: 5 << 20, to: host, events)
        #expect(events.values.contains { if case .retrying = $0.kind { true } else { false } })
      }
    }
  }
}

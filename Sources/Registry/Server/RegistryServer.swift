internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import OCICore
internal import Synchronization
public import SystemPackage

/// A small registry (distribution-spec) over one image layout, for tests and for handing an image to a tool that only
/// speaks to registries.
///
/// What is pushed to `team/app:1` becomes the layout's image `team/app:1`; an image whose name is a bare tag is there
/// in every repository. All repositories share the layout's blobs.
public final class RegistryServer: Sendable {
  typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

  struct State {
    var faults = RegistryFaults()
    var requests: [RecordedRequest] = []
    var blobPuts = 0
    var tokens: Set<String> = []
  }

  /// Where the server listens, e.g. `127.0.0.1:40123`: the host of references to it.
  public let address: String
  let registry: LayoutRegistry
  let state = Mutex(State())
  private let listener: any Channel
  private let loop = Mutex<Task<Void, Never>?>(nil)

  private init(_ registry: LayoutRegistry, _ listener: any Channel, host: String) {
    self.registry = registry
    self.listener = listener
    let name = host.contains(":") ? "[\(host)]" : host
    address = "\(name):\(listener.localAddress?.port ?? 0)"
  }

  /// Starts to serve a layout.
  /// - Parameters:
  ///   - layout: The layout's directory; absent or empty, it becomes a layout with the first push.
  ///   - host: The address to listen at; by default this machine only, because nothing is asked of clients.
  ///   - port: The port, or 0 for any that is free.
  ///   - faults: How it misbehaves.
  /// - Throws: `RegistryError.Code.unreachable` when it cannot listen there; `OCIError` when the directory is something else
  ///   than a layout.
  public static func start(
    layout: FilePath, host: String = "127.0.0.1", port: Int = 0, faults: RegistryFaults = RegistryFaults()
  ) async throws -> RegistryServer {
    let store = ImageLayoutStore(layout)
    try await store.requireUsable()
    let listener: NIOAsyncChannel<Connection, Never>
    do {
      listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .serverChannelOption(.backlog, value: 256)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
        // Big reads make few parts, and fewer hops between threads.
        .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 256 << 10))
        .bind(host: host, port: port) { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.configureHTTPServerPipeline()
            return try Connection(wrappingChannelSynchronously: channel)
          }
        }
    } catch {
      throw RegistryError(
        .unreachable, "cannot listen at \(host):\(port) (\(error)); choose another port, or 0 for any that is free")
    }
    let server = RegistryServer(LayoutRegistry(store), listener.channel, host: host)
    server.state.withLock { $0.faults = faults }
    server.loop.withLock { $0 = Task { await server.serve(listener) } }
    return server
  }

  /// How it misbehaves, from the next request on.
  public var faults: RegistryFaults {
    get { state.withLock(\.faults) }
    set { state.withLock { $0.faults = newValue } }
  }

  /// The requests so far, the first hundred thousand of them.
  public var requests: [RecordedRequest] { state.withLock(\.requests) }

  /// Forgets the requests so far.
  public func forgetRequests() { state.withLock { $0.requests = [] } }

  /// Makes the tokens given so far worthless.
  public func revokeTokens() { state.withLock { $0.tokens = [] } }

  /// How many uploads were begun, and neither completed nor cancelled.
  public var openUploads: Int { registry.uploads.withLock(\.count) }

  /// Stops listening, closes the connections and removes what was left of uploads.
  public func shutdown() async {
    let task = loop.withLock { loop in
      defer { loop = nil }
      return loop
    }
    task?.cancel()
    try? await listener.close()
    await task?.value
    await registry.close()
  }

  /// Serves until it is shut down or the task is cancelled.
  public func run() async {
    let task = loop.withLock { $0 }
    await withTaskCancellationHandler {
      await task?.value
    } onCancel: {
      task?.cancel()
    }
    await shutdown()
  }

  private func serve(_ listener: NIOAsyncChannel<Connection, Never>) async {
    try? await listener.executeThenClose { connections in
      try await withThrowingDiscardingTaskGroup { group in
        for try await connection in connections {
          // A connection that fails is its client's affair.
          group.addTask { try? await self.serve(connection) }
        }
      }
    }
  }
}

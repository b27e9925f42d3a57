internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
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
    var manners = RegistryManners()
    var requests: [RecordedRequest] = []
    var blobPuts = 0
    var tokens: [String: Token] = [:]
  }

  /// A token that was given out.
  struct Token {
    var scopes: [String]
    /// How many requests it is still good for.
    var uses: Int
  }

  /// The server's certificate.
  public struct Identity: Sendable, Hashable {
    /// A PEM file with the certificate, and those that it rests on.
    public var certificate: FilePath
    /// A PEM file with its key.
    public var key: FilePath
    /// A PEM file with the authorities of clients, which must show a certificate then.
    public var clientAuthorities: FilePath?

    /// Creates an identity.
    public init(certificate: FilePath, key: FilePath, clientAuthorities: FilePath? = nil) {
      self.certificate = certificate
      self.key = key
      self.clientAuthorities = clientAuthorities
    }

    fileprivate func context() throws -> NIOSSLContext {
      var settings = TLSConfiguration.makeServerConfiguration(
        certificateChain: try NIOSSLCertificate.fromPEMFile(certificate.string).map { .certificate($0) },
        privateKey: .privateKey(try NIOSSLPrivateKey(file: key.string, format: .pem)))
      if let clientAuthorities {
        settings.trustRoots = .file(clientAuthorities.string)
        settings.certificateVerification = .noHostnameVerification
      }
      return try NIOSSLContext(configuration: settings)
    }
  }

  /// Where the server listens, e.g. `127.0.0.1:40123`: the host of references to it.
  public let address: String
  let registry: LayoutRegistry
  let state = Mutex(State())
  /// `http` or `https`.
  public let scheme: String
  private let listener: any Channel
  let onRequest: @Sendable (RecordedRequest) -> Void
  private let loop = Mutex<Task<Void, Never>?>(nil)

  private init(
    _ registry: LayoutRegistry, _ listener: any Channel, host: String, scheme: String,
    onRequest: @escaping @Sendable (RecordedRequest) -> Void
  ) {
    self.registry = registry
    self.onRequest = onRequest
    self.scheme = scheme
    self.listener = listener
    let name = host.contains(":") ? "[\(host)]" : host
    address = "\(name):\(listener.localAddress?.port ?? 0)"
  }

  /// Starts to serve a layout.
  /// - Parameters:
  ///   - layout: The layout's directory; absent or empty, it becomes a layout with the first push.
  ///   - host: The address to listen at; by default this machine only, because nothing is asked of clients.
  ///   - port: The port, or 0 for any that is free.
  ///   - identity: The certificate to speak TLS with; without one it is plain HTTP.
  ///   - manners: Its ways.
  ///   - faults: How it fails.
  ///   - onRequest: Is told of each request when it has been answered, from several tasks at once.
  /// - Throws: `RegistryError.Code.unreachable` when it cannot listen there; `OCIError` when the directory is something else
  ///   than a layout.
  public static func start(
    layout: FilePath, host: String = "127.0.0.1", port: Int = 0, identity: Identity? = nil,
    manners: RegistryManners = RegistryManners(), faults: RegistryFaults = RegistryFaults(),
    onRequest: @escaping @Sendable (RecordedRequest) -> Void = { _ in }
  ) async throws -> RegistryServer {
    let context: NIOSSLContext?
    do { context = try identity?.context() } catch {
      throw RegistryError(
        .invalidConfiguration, "the server's certificate or key cannot be used (\(error)); check the files")
    }
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
            if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
            try channel.pipeline.syncOperations.configureHTTPServerPipeline()
            return try Connection(wrappingChannelSynchronously: channel)
          }
        }
    } catch {
      throw RegistryError(
        .unreachable, "cannot listen at \(host):\(port) (\(error)); choose another port, or 0 for any that is free")
    }
    let server = RegistryServer(
      LayoutRegistry(store), listener.channel, host: host, scheme: context == nil ? "http" : "https",
      onRequest: onRequest)
    server.state.withLock {
      $0.faults = faults
      $0.manners = manners
    }
    server.loop.withLock { $0 = Task { await server.serve(listener) } }
    return server
  }

  /// Its ways, from the next request on.
  public var manners: RegistryManners {
    get { state.withLock(\.manners) }
    set { state.withLock { $0.manners = newValue } }
  }

  /// How it fails, from the next request on.
  public var faults: RegistryFaults {
    get { state.withLock(\.faults) }
    set { state.withLock { $0.faults = newValue } }
  }

  /// The requests so far, the first hundred thousand of them.
  public var requests: [RecordedRequest] { state.withLock(\.requests) }

  /// Forgets the requests so far.
  public func forgetRequests() { state.withLock { $0.requests = [] } }

  /// Makes the tokens given so far worthless.
  public func revokeTokens() { state.withLock { $0.tokens = [:] } }

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

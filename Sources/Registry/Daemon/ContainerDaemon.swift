internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
public import OCICore
public import SystemPackage

/// The daemon of Docker or podman on this machine, through its socket: images are loaded into it as one streamed archive.
public struct ContainerDaemon: Sendable {
  /// Whose daemon it is.
  public enum Kind: String, Sendable, Hashable {
    /// Docker's.
    case docker
    /// podman's, which speaks Docker's language too.
    case podman
  }

  /// Whose daemon it is.
  public let kind: Kind
  /// The socket that it listens on.
  public let socket: FilePath

  /// A daemon at a socket.
  public init(_ kind: Kind, socket: FilePath) {
    self.kind = kind
    self.socket = socket
  }

  /// The daemon that the usual tools would ask.
  /// - Parameters:
  ///   - kind: Whose daemon it is.
  ///   - environment: The value of an environment variable, for `DOCKER_HOST`, `CONTAINER_HOST` and `XDG_RUNTIME_DIR`.
  /// - Throws: `RegistryError.Code.invalidConfiguration` for a host that is no socket of this machine.
  public static func standard(
    _ kind: Kind, environment: (String) -> String?
  ) throws(RegistryError) -> ContainerDaemon {
    let variable = kind == .docker ? "DOCKER_HOST" : "CONTAINER_HOST"
    if let host = environment(variable), !host.isEmpty {
      guard host.hasPrefix("unix://") else {
        throw RegistryError(
          .invalidConfiguration,
          "\(variable) is '\(host)', but only sockets of this machine are supported: unix:///path; push to a registry for others"
        )
      }
      return ContainerDaemon(kind, socket: FilePath(String(host.dropFirst("unix://".count))))
    }
    let system: FilePath = kind == .docker ? "/var/run/docker.sock" : "/run/podman/podman.sock"
    if let runtime = environment("XDG_RUNTIME_DIR"), !FileSystem.exists(system) || kind == .podman {
      let own = FilePath(runtime).appending(kind == .docker ? ["docker.sock"] : ["podman", "podman.sock"])
      if FileSystem.exists(own) { return ContainerDaemon(kind, socket: own) }
    }
    return ContainerDaemon(kind, socket: system)
  }

  /// The digest of the configuration of the image that a name stands for; `nil` where there is none.
  /// - Throws: `RegistryError`: `unreachable`, `protocolViolation`.
  public func imageID(of name: String) async throws -> Digest? {
    let escaped = name.utf8.map { byte in
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || "-._/:".utf8.contains(byte)
      return isPlain ? String(Character(Unicode.Scalar(byte))) : "%\(String(byte, radix: 16, uppercase: true))"
    }.joined()
    return try await send("GET", "/images/\(escaped)/json") { status, bytes in
      guard status != 404 else { return nil }
      guard status == 200, let object = try? JSON(parsing: bytes).objectValue, let id = object["Id"]?.stringValue else {
        throw refusal("tell about '\(name)'", status, bytes)
      }
      // podman leaves the algorithm out.
      return try? Digest(id.contains(":") ? id : "sha256:\(id)")
    }
  }

  /// Loads an archive in one of Docker's forms.
  /// - Parameters:
  ///   - size: How many bytes it has.
  ///   - source: The archive, as `docker save` writes it: that of an `ArchiveExport`, for instance.
  ///   - onBytes: Told how many bytes have been sent.
  /// - Throws: `RegistryError`: `unreachable`, `connectionLost`, `rejected` with the daemon's own words; the source's errors.
  public func load(
    size: Int64, from source: BlobSource, onBytes: @escaping @Sendable (Int64) -> Void = { _ in }
  ) async throws {
    let stream = try await source.open()
    let body = DaemonBody(stream, onBytes)
    do {
      try await send("POST", "/images/load?quiet=1", body: .stream(body, length: .known(size))) { status, bytes in
        // A failure after the beginning is told in the middle of a good answer.
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        for line in lines {
          guard let object = try? JSON(parsing: Array(line.utf8)).objectValue, let error = object["error"]?.stringValue
          else { continue }
          throw RegistryError(.rejected, "\(kind.rawValue) at '\(socket)' does not take the image: \(error)")
        }
        guard status == 200 else { throw refusal("take the image", status, bytes) }
      }
    } catch {
      if let failure = body.failure { throw failure }
      throw error
    }
  }

  private func refusal(_ what: String, _ status: Int, _ bytes: [UInt8]) -> RegistryError {
    let text =
      (try? JSON(parsing: bytes).objectValue?["message"]?.stringValue)
      ?? String(decoding: bytes.prefix(300), as: UTF8.self)
    return RegistryError(
      status >= 500 ? .unavailable : .rejected,
      "\(kind.rawValue) at '\(socket)' does not \(what): \(status) \(text)")
  }

  private func send<Result: Sendable>(
    _ method: String, _ path: String, body: HTTPClientRequest.Body? = nil,
    _ read: (Int, [UInt8]) throws -> Result
  ) async throws -> Result {
    let encoded = socket.string.utf8.map { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        ? String(Character(Unicode.Scalar(byte)))
        : "%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))"
    }.joined()
    var request = HTTPClientRequest(url: "http+unix://\(encoded)\(path)")
    request.method = HTTPMethod(rawValue: method)
    request.headers.add(name: "Host", value: "daemon")
    if body != nil { request.headers.add(name: "Content-Type", value: "application/x-tar") }
    request.body = body
    let client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
    do {
      let response: HTTPClientResponse
      do { response = try await client.execute(request, deadline: .distantFuture) } catch is CancellationError {
        throw CancellationError()
      } catch {
        try Task.checkCancellation()
        throw RegistryError(
          .unreachable,
          "no \(kind.rawValue) daemon answers at '\(socket)' (\(error)); start it, or name its socket in \(kind == .docker ? "DOCKER_HOST" : "CONTAINER_HOST") as unix:///path"
        )
      }
      let answer = try await response.body.collect(upTo: 4 << 20)
      let result = try read(Int(response.status.code), Array(answer.readableBytesView))
      try await client.shutdown()
      return result
    } catch {
      try? await client.shutdown()
      throw error
    }
  }
}

internal import OCICore

/// Reads a blob or a manifest, and reads on where a connection broke off (`Range`, RFC 9110 §14).
actor BlobDownload {
  private let endpoint: Endpoint
  private let descriptor: Descriptor
  private var position: Int64
  private var body: ByteStream.AsyncIterator?
  /// What a registry sends again that ignores the range.
  private var superfluous: Int64 = 0
  private var attempt = 1
  /// Where the last failure was.
  private var lastFailure: Int64

  init(_ endpoint: Endpoint, _ descriptor: Descriptor, at offset: Int64) {
    self.endpoint = endpoint
    self.descriptor = descriptor
    position = offset
    lastFailure = offset
  }

  private var what: String { "fetching \(descriptor.digest)" }

  /// Opens the connection; `false` where there is no such content.
  func open() async throws -> Bool {
    while true {
      do { return try await request() } catch let failure as Transient { try await pause(failure) }
    }
  }

  func next() async throws -> [UInt8]? {
    while true {
      do {
        guard let body else {
          guard try await request() else {
            throw RegistryError(
              .notFound, "\(endpoint.place): \(what): it is not there any more; fetch the image again")
          }
          continue
        }
        guard let chunk = try await body.next() else {
          guard descriptor.hasSize, position < descriptor.size else { return nil }
          throw Transient(
            RegistryError(
              .connectionLost,
              "\(endpoint.place): \(what): the answer ended after \(position) of \(descriptor.size) bytes"),
            reason: "answer cut short")
        }
        let skipped = min(superfluous, Int64(chunk.count))
        superfluous -= skipped
        guard skipped < chunk.count else { continue }
        position += Int64(chunk.count) - skipped
        return skipped == 0 ? chunk : Array(chunk.dropFirst(Int(skipped)))
      } catch let failure as Transient {
        body = nil
        try await pause(failure)
      }
    }
  }

  /// Attempts are counted from the last progress.
  private func pause(_ failure: Transient) async throws {
    if position >= lastFailure + (1 << 20) { attempt = 1 }
    lastFailure = position
    try await endpoint.pause(after: failure, what, attempt: attempt)
    attempt += 1
  }

  private func request() async throws -> Bool {
    if descriptor.hasSize, position > 0, position >= descriptor.size {
      body = ByteStream([]).makeAsyncIterator()
      return true
    }
    var request = endpoint.request("GET", RegistryRepository.path(of: descriptor))
    if descriptor.mediaType.isManifest { request.headers.append(RegistryRepository.acceptManifests) }
    if position > 0 { request.headers.append(("Range", "bytes=\(position)-")) }
    let response = try await endpoint.send(request)
    switch response.status {
    case 200: superfluous = position
    case 206:
      let start = response.header("Content-Range").flatMap(Self.start)
      guard start == position else {
        throw endpoint.violation(
          "gives bytes from \(start.map(String.init) ?? "nowhere") on in place of \(position)", request)
      }
      superfluous = 0
    case 404:
      await response.beginning()
      return false
    default: throw await endpoint.failure(response, what)
    }
    body = response.body.makeAsyncIterator()
    return true
  }

  /// The first byte of `bytes 100-199/200`.
  static func start(_ range: String) -> Int64? {
    guard range.lowercased().hasPrefix("bytes ") else { return nil }
    return Int64(range.dropFirst(6).prefix { $0 != "-" })
  }
}

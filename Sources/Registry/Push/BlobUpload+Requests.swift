internal import OCICore

/// The requests of an upload, and the bodies that they have.
extension BlobUpload {
  /// One POST with everything; `nil` where the registry opened a session instead.
  mutating func post() async throws -> Descriptor? {
    guard let descriptor = content.descriptor else { return nil }
    let bytes = try await content.source.open().verified(as: descriptor).collect(upTo: Int(descriptor.size))
    var request = endpoint.request("POST", "blobs/uploads/")
    request.url = request.url.appendingQuery("digest", descriptor.digest.description)
    request.headers = [("Content-Type", MediaType.octetStream.text)]
    request.body = .bytes(bytes)
    report(sent: Int64(bytes.count))
    let response: Response
    do { response = try await endpoint.protected(request) } catch let failure as Transient {
      if await isThere() { return descriptor }
      throw failure
    }
    switch response.status {
    case 201:
      await response.beginning()
      endpoint.state.learn { if $0.takesSinglePost == .unknown { $0.takesSinglePost = .yes } }
      try check(response)
      return descriptor
    case 200, 202, 204:
      await response.beginning()
      endpoint.state.learn { $0.takesSinglePost = .no }
      session = Session(location: try endpoint.resolve(response.header("Location"), in: response.request))
      return nil
    case 400, 404, 405, 411, 413, 415, 501:
      let failure = await endpoint.failure(response, "uploading \(name)")
      if let error = failure.asError as? RegistryError, error.registryCodes.contains("NAME_UNKNOWN") { throw error }
      endpoint.state.learn { $0.takesSinglePost = .no }
      return nil
    default: throw await endpoint.failure(response, "uploading \(name)")
    }
  }

  func openSession() async throws -> RegistryURL {
    var request = endpoint.request("POST", "blobs/uploads/")
    request.body = .bytes([])
    let response = try await endpoint.protected(request)
    guard [200, 201, 202, 204].contains(response.status) else {
      throw await endpoint.failure(response, "opening an upload of \(name)")
    }
    await response.beginning()
    return try endpoint.resolve(response.header("Location"), in: response.request)
  }

  mutating func put() async throws -> Descriptor {
    guard let descriptor = content.descriptor, let session else { throw CancellationError() }
    var request = Request(method: "PUT", url: session.location.appendingQuery("digest", descriptor.digest.description))
    try await attachBody(to: &request, length: descriptor.size)
    let response = try await send(request)
    return try await finish(response, descriptor)
  }

  /// One PATCH with everything, without saying from where to where.
  mutating func patchAll() async throws {
    guard let session else { return }
    var request = Request(method: "PATCH", url: session.location)
    try await attachBody(to: &request, length: content.size)
    let response = try await send(request)
    try await take(response, expecting: reader?.position)
  }

  /// PATCHes with a Content-Range, from the session's offset on.
  mutating func patchChunks(isWhole: Bool) async throws {
    while let offset = session?.offset, let location = session?.location {
      if let size = content.size, offset >= size { return }
      var request = Request(method: "PATCH", url: location)
      if let size = content.size {
        let length = min(isWhole ? .max : chunkSize, endpoint.state.profile.maximumChunk ?? .max, size - offset)
        request.headers = [("Content-Range", "\(offset)-\(offset + length - 1)")]
        try await attachBody(to: &request, length: length)
      } else {
        // The length of a chunk must be known before it is sent, and the content's is not.
        let bytes = try await nextChunk(at: offset)
        guard !bytes.isEmpty else { return }
        request.headers = [
          ("Content-Range", "\(offset)-\(offset + Int64(bytes.count) - 1)"),
          ("Content-Type", MediaType.octetStream.text),
        ]
        request.body = .bytes(bytes)
        report(sent: offset + Int64(bytes.count))
      }
      let response = try await send(request)
      try await take(response, expecting: reader?.position)
    }
  }

  mutating func nextChunk(at offset: Int64) async throws -> [UInt8] {
    let reader = try await reader(at: offset)
    var bytes: [UInt8] = []
    let limit = Int(min(chunkSize, 16 << 20))
    while bytes.count < limit, let piece = try await reader.next(upTo: limit - bytes.count) { bytes += piece }
    furthest = max(furthest, reader.position)
    return bytes
  }

  /// Chunks are as large as the registry lets them be, because each costs a round trip and some servers a copy.
  var chunkSize: Int64 {
    let state = endpoint.state
    let limits = [state.announcedChunk?.maximum, state.profile.maximumChunk, state.profile.maximumRequest]
    let largest = limits.compactMap { $0 }.min() ?? 64 << 20
    return max(largest, state.announcedChunk?.minimum ?? state.profile.minimumChunk, 1)
  }

  mutating func close() async throws -> Descriptor {
    let descriptor = try finishedDescriptor()
    guard let session else { throw CancellationError() }
    var request = Request(method: "PUT", url: session.location.appendingQuery("digest", descriptor.digest.description))
    request.body = .bytes([])
    request.headers = [("Content-Type", MediaType.octetStream.text)]
    return try await finish(try await send(request), descriptor)
  }

  /// What was uploaded: known before, or hashed on the way.
  mutating func finishedDescriptor() throws -> Descriptor {
    if let descriptor = content.descriptor { return descriptor }
    guard let reader, let digest = reader.digest?.finalize() else {
      // Asked for twice, after a closing PUT that failed: read again.
      self.reader = nil
      throw restarting("the digest is computed again")
    }
    return Descriptor(mediaType: content.mediaType, digest: digest, size: reader.position)
  }

  func restarting(_ reason: String) -> Transient {
    Transient(
      RegistryError(.connectionLost, "\(endpoint.place): uploading \(name): \(reason)"), reason: reason, pause: .zero)
  }

  // MARK: Bodies

  mutating func reader(at offset: Int64) async throws -> UploadReader {
    if let reader, reader.position == offset, reader.failure == nil { return reader }
    let reader = try await content.reader(at: offset)
    self.reader = reader
    return reader
  }

  mutating func attachBody(to request: inout Request, length: Int64?) async throws {
    let reader = try await reader(at: session?.offset ?? 0)
    request.headers.append(("Content-Type", MediaType.octetStream.text))
    if length == 0 {
      // No HTTP library asks for the bytes of an empty body, so nobody would notice a source that has some.
      _ = try await reader.isAtEnd()
      request.body = .bytes([])
      return
    }
    let label = content.label
    request.body = .upload(
      UploadBody(reader, length: length) { [endpoint] in endpoint.report(.sent(label, bytes: $0)) })
  }

  func report(sent bytes: Int64) { endpoint.report(.sent(content.label, bytes: bytes)) }

  /// Sends a part of the content, and follows a redirect of it by reading it again.
  mutating func send(_ request: Request) async throws -> Response {
    var request = request
    defer { furthest = max(furthest, reader?.position ?? 0) }
    for _ in 0...5 {
      let response: Response
      do { response = try await endpoint.send(request) } catch let failure as Transient {
        furthest = max(furthest, reader?.position ?? 0)
        // The registry may have taken the blob, and only its answer was lost.
        if request.method == "PUT", let descriptor = content.descriptor, furthest == descriptor.size, await isThere() {
          throw Done(descriptor: descriptor)
        }
        throw failure
      }
      guard response.isRedirect, response.status >= 307, !request.isRepeatable,
        let location = response.header("Location")
      else { return response }
      await response.beginning()
      let length: Int64? = if case .upload(let body) = request.body { body.length } else { nil }
      request.url = try endpoint.resolve(location, in: request)
      request.headers.removeAll { $0.name == "Content-Type" }
      reader = nil
      try await attachBody(to: &request, length: length)
    }
    throw endpoint.violation("redirects more than 5 times", request)
  }

  func isThere() async -> Bool {
    guard let descriptor = content.descriptor else { return false }
    return (try? await endpoint.hasBlob(descriptor)) == true
  }
}

public import OCICore

extension RegistryRepository {
  /// Takes content. A blob goes as one request that streams it; after a failure the source is opened again and a new
  /// upload session begun. No session stays open.
  /// - Throws: `RegistryError`, or the source's own error.
  public func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
    if descriptor.mediaType.isManifest {
      let bytes = try await source.open().verified(as: descriptor).collect(upTo: Self.manifestLimit)
      return try await put(descriptor, bytes, as: descriptor.digest.description)
    }
    guard descriptor.hasSize else {
      throw OCIError(
        .invalidDocument, "the size of blob \(descriptor.digest) is not known, and an upload must say it; set the size")
    }
    var mayRenewToken = true
    try await retrying {
      let session = try await openSession(for: descriptor)
      do {
        try Task.checkCancellation()
        try await upload(descriptor, from: source, to: session, &mayRenewToken)
      } catch {
        await cancel(session)
        throw error
      }
    }
  }

  /// Opens a session. When our task is cancelled meanwhile, the answer is awaited all the same, for a few seconds, because
  /// only who knows the session can cancel it.
  private func openSession(for descriptor: Descriptor) async throws -> RegistryURL {
    try Task.checkCancellation()
    let opening = Task { try await requestSession(for: descriptor) }
    return try await withTaskCancellationHandler {
      try await opening.value
    } onCancel: {
      Task {
        try? await Task.sleep(for: .seconds(5))
        opening.cancel()
      }
    }
  }

  private func requestSession(for descriptor: Descriptor) async throws -> RegistryURL {
    var request = request("POST", "blobs/uploads/")
    request.body = .bytes([])
    let response = try await send(request)
    guard [200, 201, 202, 204].contains(response.status) else {
      throw await failure(response, "opening an upload of \(descriptor.digest)")
    }
    _ = await response.beginning()
    return try resolve(response.header("Location"), in: response.request)
  }

  private func upload(
    _ descriptor: Descriptor, from source: BlobSource, to session: RegistryURL, _ mayRenewToken: inout Bool
  ) async throws {
    let body = UploadBody(try await source.open(), descriptor, onBytesSent: client.configuration.onBytesSent)
    var request = Request(method: "PUT", url: session.appendingQuery("digest", descriptor.digest.description))
    request.headers = [("Content-Type", MediaType.octetStream.text)]
    request.body = .blob(body)
    if descriptor.size == 0 {
      // No HTTP library asks for the bytes of an empty body, so nobody would notice a source that has some.
      for try await _ in body {}
      request.body = .bytes([])
    }
    do {
      let response = try await send(request)
      if [200, 201, 202, 204].contains(response.status) {
        _ = await response.beginning()
        return
      }
      let failure = await failure(response, "uploading \(descriptor.digest)")
      if response.status == 401, mayRenewToken, let error = failure as? RegistryError {
        mayRenewToken = false
        throw Transient(error: error, retryAfter: .zero)
      }
      // The session was there a moment ago: it is the registry that has lost it, whatever it says.
      if response.status == 404, let error = failure as? RegistryError { throw Transient(error: error) }
      throw failure
    } catch let failure as Transient {
      // The registry may have taken the blob, and only its answer was lost.
      if body.isComplete, (try? await exists(descriptor)) == true { return }
      throw failure
    }
  }

  /// Tells the registry to forget an upload. Best effort, and also when our own task is cancelled.
  private func cancel(_ session: RegistryURL) async {
    await Task {
      for _ in 0..<2 {
        let request = Request(method: "DELETE", url: session, timeLimit: .seconds(10))
        guard let response = try? await send(request) else { continue }
        _ = await response.beginning()
        return
      }
    }.value
  }
}

internal import OCICore

/// The requests about blobs and upload sessions that are not the upload itself.
extension Endpoint {
  /// Whether the repository has a blob. A registry that forbids the question (403) counts as one that lacks it.
  func hasBlob(_ descriptor: Descriptor) async throws -> Bool {
    try await retrying("asking for \(descriptor.digest)") {
      let response = try await send(request("HEAD", "blobs/\(descriptor.digest)"))
      await response.beginning()
      switch response.status {
      case 200: return response.header("Content-Length").map { Int64($0) == descriptor.size } ?? true
      case 403, 404: return false
      default: throw await failure(response, "asking for \(descriptor.digest)")
      }
    }
  }

  /// Sends a request that may open an upload session. When our task is cancelled meanwhile, the answer is awaited all the
  /// same, for a few seconds, because only who knows the session can cancel it; a session that nobody waits for any more
  /// is cancelled here.
  func protected(_ request: Request, mountSource: String? = nil) async throws -> Response {
    try Task.checkCancellation()
    let opening = Task { try await send(request, mountSource: mountSource) }
    let response = try await withTaskCancellationHandler {
      try await opening.value
    } onCancel: {
      Task {
        try? await Task.sleep(for: .seconds(5))
        opening.cancel()
      }
    }
    if Task.isCancelled, response.isSuccess, response.status != 201,
      let location = try? resolve(response.header("Location"), in: response.request)
    {
      await response.beginning()
      await cancelUpload(at: location)
      throw CancellationError()
    }
    return response
  }

  /// How far an upload has come, and where it goes on; `nil` where the registry does not say.
  func status(of location: RegistryURL) async -> (location: RegistryURL, offset: Int64)? {
    let found = try? await retrying("asking how far an upload has come") { () -> (RegistryURL, Int64)? in
      let request = Request(method: "GET", url: location, timeLimit: .seconds(60))
      let response = try await send(request)
      guard [200, 202, 204].contains(response.status) else {
        let failure = await failure(response, "asking how far an upload has come")
        if let transient = failure as? Transient, response.status >= 429 { throw transient }
        return nil
      }
      await response.beginning()
      let status = UploadStatus(range: response.header("Range"), counts: state.profile.statusRangeCounts)
      guard let offset = status.offset else { return nil }
      // Not all repeat it here.
      let next = response.header("Location").flatMap { try? resolve($0, in: request) } ?? location
      return (next, offset)
    }
    return found ?? nil
  }

  /// Tells the registry to forget an upload. Best effort, and also when our own task is cancelled: some registries give
  /// nobody the right to.
  func cancelUpload(at location: RegistryURL) async {
    await Task {
      let end = ContinuousClock.now + .seconds(15)
      for attempt in 1...max(3, client.configuration.maximumAttempts) where .now < end {
        do {
          let response = try await send(Request(method: "DELETE", url: location, timeLimit: .seconds(10)))
          await response.beginning()
          if !RetryPolicy.statuses.contains(response.status) { return }
        } catch let failure as Transient where failure.error.code == .unreachable && attempt > 1 {
          return
        } catch is Transient {
          // Once more.
        } catch {
          // Tokens may end at any moment; a right that we lack we do not get by asking often.
          if attempt > 2 { return }
        }
        try? await Task.sleep(for: min(RetryPolicy.delay(afterAttempt: attempt, retryAfter: nil), .seconds(2)))
      }
    }.value
  }

  // MARK: Mounting

  enum Mount {
    /// The blob is there now.
    case mounted
    /// The registry opened a session instead.
    case session(RegistryURL)
    /// It would not have it: for good, or just now.
    case refused(forGood: Bool)
  }

  /// Asks for a blob to be linked from another repository, or, with `nil`, from anywhere (distribution-spec §Mounting a
  /// blob from another repository). Whatever goes wrong costs the mount, never the push.
  func mount(_ digest: Digest, from source: String?) async throws -> Mount {
    var request = request("POST", "blobs/uploads/")
    request.url = request.url.appendingQuery("mount", digest.description)
    if let source { request.url = request.url.appendingQuery("from", source) }
    request.body = .bytes([])
    let response: Response
    do {
      response = try await protected(request, mountSource: source == name ? nil : source)
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      // A token server that does not give the second scope, or a connection that broke: a plain upload tells.
      try Task.checkCancellation()
      return .refused(forGood: false)
    }
    await response.beginning()
    if response.status == 201 {
      // A registry that answers so without having the blob would make us lose it.
      if let text = response.header("Docker-Content-Digest"), let said = try? Digest(text), said != digest,
        said.algorithm == digest.algorithm
      {
        return .refused(forGood: true)
      }
      return .mounted
    }
    guard [200, 202, 204].contains(response.status), let location = response.header("Location"),
      let url = try? resolve(location, in: response.request)
    else {
      return .refused(forGood: (400..<500).contains(response.status) && !RetryPolicy.statuses.contains(response.status))
    }
    return .session(url)
  }
}

internal import OCICore

/// What a registry's answers mean for an upload.
extension BlobUpload {
  mutating func finish(_ response: Response, _ descriptor: Descriptor) async throws -> Descriptor {
    guard response.isSuccess else { throw try await judge(response) }
    await response.beginning()
    try check(response, descriptor)
    // Anything but "created" may come from something that says yes to everything.
    if response.status != 201, try await !endpoint.hasBlob(descriptor) {
      throw endpoint.violation("says \(response.status), but does not have the blob afterwards,", response.request)
    }
    session = nil
    learn()
    return descriptor
  }

  func check(_ response: Response) throws {
    if let descriptor = content.descriptor { try check(response, descriptor) }
  }

  /// What the registry says that it took. (Some answer with the digest of another algorithm than the one they were given.)
  func check(_ response: Response, _ descriptor: Descriptor) throws {
    guard let text = response.header("Docker-Content-Digest") else { return }
    guard let digest = try? Digest(text), digest == descriptor.digest || digest.algorithm != descriptor.digest.algorithm
    else {
      throw endpoint.violation(
        "says that the blob \(descriptor.digest) is '\(printable(text, limit: 200))'", response.request)
    }
  }

  /// After a PATCH: where the next request goes, and whether the registry has what it was sent.
  mutating func take(_ response: Response, expecting position: Int64?) async throws {
    guard [200, 201, 202, 204].contains(response.status) else { throw try await judge(response) }
    await response.beginning()
    if let location = response.header("Location") {
      session?.location = try endpoint.resolve(location, in: response.request)
    }
    guard let position else { return }
    let status = UploadStatus(range: response.header("Range"), counts: endpoint.state.profile.statusRangeCounts)
    // One byte more or less is a matter of how they count.
    if let offset = status.offset, abs(offset - position) > 1 {
      // Some registries throw chunks away without saying so in another way.
      mayResume = false
      throw refusal(
        endpoint.violation("has \(offset) bytes of \(name) after it was sent \(position)", response.request),
        "its range does not follow what it was sent")
    }
    session?.offset = position
  }

  /// What an answer that is no success means for this upload.
  mutating func judge(_ response: Response) async throws -> any Error {
    let failure = await endpoint.failure(response, "uploading \(name)")
    if let transient = failure as? Transient, transient.error.code == .rejected, transient.error.registryCodes.isEmpty {
      // What it means cannot be said without its text.
      return failure
    }
    guard let error = failure.asError as? RegistryError else { return failure }
    let codes = error.registryCodes
    switch response.status {
    case 401:
      // A token that ended on the way: the session was opened with one that was good. It goes on with another.
      return Transient(error, reason: "the token has ended", pause: .zero)
    case 413: return shrink(response) ? Shrunk() : failure
    case 400 where !codes.isDisjoint(with: ["DIGEST_INVALID", "SIZE_INVALID", "BLOB_INVALID"]):
      return try await judgeContent(error)
    case 400 where codes.isSubset(of: Self.doubtfulCodes), 404, 416: return doubtful(error, response)
    case 405, 411, 415, 501: return refusal(error, "status \(response.status)")
    case 500... where session?.isResumed == true && response.request.method == "PUT":
      // A commit that fails after a resumption: what the registry has is not what it said.
      giveUpResuming()
      return failure
    default: return failure
    }
  }

  /// The registry says that the content is not what was announced: somebody is wrong, and we find out who.
  mutating func judgeContent(_ error: RegistryError) async throws -> any Error {
    if session?.isResumed == true {
      giveUpResuming()
      return Transient(error, reason: "what was resumed is not whole", pause: .zero)
    }
    guard !hasVerifiedSource else { return error }
    hasVerifiedSource = true
    // The answer may have come before all was read.
    try await content.verify()
    mayResume = false
    return Transient(error, reason: "damaged on the way")
  }

  /// Error codes of a 400 that may mean no more than that the session is lost, or the method not known.
  static let doubtfulCodes: Set<String> = [
    "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "BLOB_UNKNOWN", "UNSUPPORTED", "UNKNOWN",
  ]

  /// A refusal that may mean a lost session, a chunk that is too large, or a method that is not known. The session was there
  /// a moment ago: the first time the registry has lost it, whatever it says.
  mutating func doubtful(_ error: RegistryError, _ response: Response) -> any Error {
    doubtfulRefusals += 1
    mayResume = false
    if response.status == 416, fitting(method) == .chunks { shrink(response) }
    if doubtfulRefusals.isMultiple(of: 2) { return refusal(error, "status \(response.status), twice") }
    return Transient(error, reason: "status \(response.status)")
  }

  /// A method that does not work here; after a resumption it may be the resumption that does not.
  mutating func refusal(_ error: RegistryError, _ reason: String) -> any Error {
    guard session?.isResumed == true else { return Refused(error: error, reason: reason) }
    giveUpResuming()
    return Transient(error, reason: reason, pause: .zero)
  }

  mutating func giveUpResuming() {
    mayResume = false
    endpoint.state.learn { $0.resumes = .no }
  }

  /// Smaller requests from now on; `false` where they cannot be smaller.
  @discardableResult
  func shrink(_ response: Response) -> Bool {
    let length: Int64? =
      switch response.request.body {
      case .upload(let body): body.length ?? .max
      case .bytes(let bytes): Int64(bytes.count)
      case .none: nil
      }
    let floor: Int64 = 256 << 10
    guard let length, length > floor else { return false }
    let limit = max(length > 64 << 20 ? 64 << 20 : length / 4, floor)
    endpoint.state.learn { profile in
      if response.status == 413 { profile.maximumRequest = min(profile.maximumRequest ?? .max, limit) }
      profile.maximumChunk = min(profile.maximumChunk ?? .max, limit)
    }
    return true
  }
}

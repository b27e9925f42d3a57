internal import OCICore

/// One blob on its way into a repository, through failures of the connection, the registry and our own assumptions.
///
/// A method is tried until the registry refuses it, then the next one down the ladder. What breaks off goes on where the
/// registry says it broke off, if that can be true, and begins anew otherwise. Attempts are counted from the last progress.
struct BlobUpload {
  /// The registry takes no upload in this way.
  struct Refused: Error {
    let error: RegistryError
    var reason: String
  }

  /// Smaller requests will do.
  struct Shrunk: Error {}

  /// The registry turned out to have the blob.
  struct Done: Error {
    let descriptor: Descriptor
  }

  /// An open upload session.
  struct Session {
    /// Where the next request goes.
    var location: RegistryURL
    /// How many bytes the registry has confirmed.
    var offset: Int64 = 0
    /// Whether it goes on after a failure.
    var isResumed = false
  }

  let endpoint: Endpoint
  let content: UploadContent
  var session: Session?
  var reader: UploadReader?
  /// The furthest byte that was given out in this session.
  var furthest: Int64 = 0
  /// The furthest byte that the registry had after a failure.
  var best: Int64 = 0
  /// Whether a failure may be followed by a resumption.
  var mayResume = true
  var hasVerifiedSource = false
  /// The refusals that may be a lost session, or a method that the registry does not have.
  var doubtfulRefusals = 0
  var method: UploadMethod

  /// - Parameter location: An upload session that was opened already, by a mount that came to nothing.
  init(_ endpoint: Endpoint, _ content: UploadContent, location: RegistryURL?) {
    self.endpoint = endpoint
    self.content = content
    session = location.map { Session(location: $0) }
    let profile = endpoint.state.profile
    method = profile.uploads.first ?? .put
    if content.descriptor == nil { method = profile.uploads.first { $0 != .put } ?? .chunks }
    if location == nil, let size = content.size, size > 0, size <= Self.smallSize, profile.takesSinglePost != .no {
      method = .post
    }
  }

  /// Up to this many bytes are sent in the hope that one POST will do: what is lost if not is little.
  static let smallSize: Int64 = 64 << 10

  var name: String { content.descriptor?.digest.description ?? "a blob of type \(content.mediaType)" }

  /// Uploads the blob; no session stays open.
  /// - Throws: `RegistryError`; `OCIError` when the source gives other content than it should; the source's own error.
  mutating func run() async throws -> Descriptor {
    do { return try await runUntilDone() } catch {
      await cancel()
      throw Task.isCancelled ? CancellationError() : error
    }
  }

  mutating func runUntilDone() async throws -> Descriptor {
    var attempt = 1
    while true {
      do {
        try Task.checkCancellation()
        return try await attemptOnce()
      } catch let done as Done {
        // The session ended with the blob.
        session = nil
        learn()
        return done.descriptor
      } catch is Shrunk {
        await cancel()
      } catch let refused as Refused {
        try await step(down: refused)
      } catch let failure as Transient {
        try await endpoint.pause(after: failure, "uploading \(name)", attempt: attempt)
        attempt = await recover() ? 1 : attempt + 1
      }
    }
  }

  /// What a registry that takes some bytes and fails, again and again, must have taken for the attempts to begin anew.
  static let leastProgress: Int64 = 256 << 10

  mutating func attemptOnce() async throws -> Descriptor {
    if method == .post {
      if let done = try await post() { return done }
      method = endpoint.state.profile.uploads.first ?? .put
    }
    if session == nil { session = Session(location: try await openSession()) }
    let way = fitting(method)
    switch way {
    case .put where session?.offset == 0 && session?.isResumed == false: return try await put()
    case .stream where session?.offset == 0 && session?.isResumed == false: try await patchAll()
    case .post, .put, .stream, .chunks: try await patchChunks(isWhole: way != .chunks)
    }
    return try await close()
  }

  /// The method, or chunks where the registry takes no request as large as the rest.
  func fitting(_ method: UploadMethod) -> UploadMethod {
    let state = endpoint.state
    let limit = [state.profile.maximumRequest, state.announcedChunk?.maximum].compactMap { $0 }.min()
    if let limit, content.size.map({ $0 > limit }) ?? true { return .chunks }
    // A stream has no end until it is read, so it cannot be one request with a length.
    return content.size == nil && method == .put ? .stream : method
  }

  /// Another method after the registry would not have this one.
  mutating func step(down refused: Refused) async throws {
    let old = method
    await cancel()
    let ladder = endpoint.state.profile.uploads
    let rest = ladder.drop { $0 != old }.dropFirst()
    guard let next = rest.first(where: { content.size != nil || $0 != .put }) else {
      throw refused.error
    }
    method = next
    mayResume = true
    endpoint.report(.changedMethod(from: old, to: next, reason: refused.reason))
  }

  /// After a success: what did not work need not be tried with the next blob.
  func learn() {
    guard method != .post else { return }
    let method = method
    endpoint.state.learn { profile in
      guard content.descriptor != nil, let index = profile.uploads.firstIndex(of: method), index > 0 else { return }
      profile.uploads.removeFirst(index)
    }
  }

  // MARK: After a failure

  /// Finds out where to go on; tells whether there was progress.
  mutating func recover() async -> Bool {
    furthest = max(furthest, reader?.position ?? 0)
    reader = nil
    if mayResume, endpoint.state.profile.resumes != .no, furthest > 0, let location = session?.location,
      let found = await endpoint.status(of: location), isPlausible(found.offset)
    {
      session = Session(location: found.location, offset: found.offset, isResumed: true)
      endpoint.report(.resumed(content.label, offset: found.offset))
      guard found.offset >= best + Self.leastProgress else { return false }
      best = found.offset
      return true
    }
    await cancel()
    mayResume = true
    return false
  }

  /// A registry cannot have more than it was sent, nor less than it has confirmed.
  func isPlausible(_ offset: Int64) -> Bool {
    offset > 0 && offset <= furthest && offset >= (session?.offset ?? 0)
  }

  mutating func cancel() async {
    guard let location = session?.location else { return }
    session = nil
    reader = nil
    furthest = 0
    await endpoint.cancelUpload(at: location)
  }
}

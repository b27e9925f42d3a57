public import OCICore

extension RegistryRepository {
  /// Takes content. What breaks off goes on where it broke off, if the registry can, and begins anew otherwise; no upload
  /// session stays open. A blob that is on its way to the repository already is waited for.
  ///
  /// The registry compares blobs with their digests; the source is only read again to be compared where the registry says
  /// that something is wrong.
  /// - Throws: `RegistryError`; `OCIError.Code.digestMismatch` or `sizeMismatch` when the content is not what the descriptor
  ///   says; the source's own error.
  public func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
    if descriptor.mediaType.isManifest {
      let bytes = try await source.open().verified(as: descriptor).collect(upTo: Self.manifestLimit)
      return try await put(descriptor, bytes, as: descriptor.digest.description)
    }
    try Self.requireSize(descriptor)
    try await inLane(descriptor) { hasWaited in
      if hasWaited, await ledger.has(descriptor.digest, at: pushing) { return }
      try await upload(descriptor, source, location: nil)
    }
  }

  /// Takes a blob unless the repository has it, with as few requests as the registry is known to need: it is mounted from
  /// another repository where this client has seen it, and asked for and begun in one request where that tells.
  /// - Throws: As `push`.
  public func ensure(_ descriptor: Descriptor, from source: BlobSource) async throws -> PushOutcome {
    if descriptor.mediaType.isManifest {
      if try await exists(descriptor) { return .existed }
      try await push(descriptor, from: source)
      return .sent
    }
    try Self.requireSize(descriptor)
    pushing.report(.queued(descriptor))
    return try await inLane(descriptor) { hasWaited in
      if hasWaited, await ledger.has(descriptor.digest, at: pushing) { return .existed }
      let outcome = try await place(descriptor, source)
      await ledger.note([descriptor.digest], at: pushing)
      switch outcome {
      case .existed: pushing.report(.exists(descriptor))
      case .mounted(let place): pushing.report(.mounted(descriptor, from: place))
      case .sent: break
      }
      return outcome
    }
  }

  /// Takes a blob whose digest is known only at its end: it is hashed while it goes out, and named with the last request.
  /// - Parameters:
  ///   - mediaType: What it is; becomes part of the descriptor.
  ///   - source: Gives the same bytes each time it is opened.
  /// - Returns: What was uploaded.
  /// - Throws: `RegistryError`, or the source's own error.
  public func push(_ mediaType: MediaType, producing source: BlobSource) async throws -> Descriptor {
    let content = UploadContent(source: source, descriptor: nil, mediaType: mediaType)
    var upload = BlobUpload(pushing, content, location: nil)
    let descriptor = try await upload.run()
    await ledger.note([descriptor.digest], at: pushing)
    pushing.report(.done(descriptor))
    return descriptor
  }

  // MARK: One blob

  private var ledger: BlobLedger { client.blobs }

  private static func requireSize(_ descriptor: Descriptor) throws {
    guard !descriptor.hasSize else { return }
    throw OCIError(
      .invalidDocument, "the size of blob \(descriptor.digest) is not known, and an upload must say it; set the size")
  }

  /// Runs an operation on a blob while no other does, at the whole registry where blobs can be mounted.
  private func inLane<Result: Sendable>(
    _ descriptor: Descriptor, _ operation: (_ hasWaited: Bool) async throws -> Result
  ) async throws -> Result {
    let lane = BlobLedger.Lane(
      origin: pushing.base.origin, repository: pushing.state.profile.mounts == .no ? name : nil,
      digest: descriptor.digest)
    return try await ledger.run(lane, operation)
  }

  private func upload(_ descriptor: Descriptor, _ source: BlobSource, location: RegistryURL?) async throws {
    let content = UploadContent(source: source, descriptor: descriptor, mediaType: descriptor.mediaType)
    var upload = BlobUpload(pushing, content, location: location)
    _ = try await upload.run()
    await ledger.note([descriptor.digest], at: pushing)
    pushing.report(.done(descriptor))
  }

  private func place(_ descriptor: Descriptor, _ source: BlobSource) async throws -> PushOutcome {
    switch try await lookUp(descriptor) {
    case .existed: return .existed
    case .mounted(let place): return .mounted(from: place)
    case .missing(let location):
      try await upload(descriptor, source, location: location)
      return .sent
    }
  }

  private enum Finding {
    case existed
    case mounted(from: String)
    /// Not there; a session may have been opened by asking.
    case missing(RegistryURL?)
  }

  private func lookUp(_ descriptor: Descriptor) async throws -> Finding {
    if let found = try await mountFromElsewhere(descriptor) { return found }
    switch await ledger.knowledge(of: pushing) {
    case .empty where descriptor.size <= BlobUpload.smallSize:
      // Asking would cost as much as sending.
      return .missing(nil)
    case .likelyEmpty, .empty:
      if pushing.state.profile.mountsFromItself != .no, let found = try await mountFromItself(descriptor) {
        return found
      }
    case .unknown, .populated: break
    }
    if try await hasBlob(descriptor) { return .existed }
    return try await mountFromAnywhere(descriptor)
  }

  /// Asks, and remembers the answer.
  private func hasBlob(_ descriptor: Descriptor) async throws -> Bool {
    let isThere = try await pushing.hasBlob(descriptor)
    await ledger.noteBlob(isThere: isThere, at: pushing)
    return isThere
  }

  /// From a repository where this client has seen the blob, or that the configuration names.
  private func mountFromElsewhere(_ descriptor: Descriptor) async throws -> Finding? {
    guard pushing.state.profile.mounts != .no else { return nil }
    let seen = await ledger.sources(of: descriptor.digest, for: pushing)
    let named = (client.configuration.mountSources[host] ?? []).filter { $0 != name && !seen.contains($0) }
    for source in (seen + named).prefix(3) {
      switch try await pushing.mount(descriptor.digest, from: source) {
      case .mounted: return .mounted(from: source)
      case .refused: continue
      case .session(let location):
        // Where the blob was seen, the registry could have linked it, and does not.
        if seen.contains(source) { pushing.state.learn { if $0.mounts == .unknown { $0.mounts = .no } } }
        return try await missingUnlessThere(descriptor, location)
      }
    }
    return nil
  }

  /// A mount from the repository itself is a question and an upload session in one. Where the registry is not known to
  /// answer it so, the plain question follows.
  private func mountFromItself(_ descriptor: Descriptor) async throws -> Finding? {
    switch try await pushing.mount(descriptor.digest, from: name) {
    case .mounted:
      await ledger.noteBlob(isThere: true, at: pushing)
      pushing.state.learn { $0.mountsFromItself = .yes }
      return .existed
    case .refused(let forGood):
      if forGood { pushing.state.learn { $0.mountsFromItself = .no } }
      return nil
    case .session(let location):
      if pushing.state.profile.mountsFromItself == .yes {
        await ledger.noteBlob(isThere: false, at: pushing)
        return .missing(location)
      }
      let finding = try await missingUnlessThere(descriptor, location)
      if case .existed = finding { pushing.state.learn { $0.mountsFromItself = .no } }
      return finding
    }
  }

  private func mountFromAnywhere(_ descriptor: Descriptor) async throws -> Finding {
    guard pushing.state.profile.mountsFromAnywhere != .no, pushing.state.profile.mounts != .no,
      descriptor.size > BlobUpload.smallSize
    else { return .missing(nil) }
    switch try await pushing.mount(descriptor.digest, from: nil) {
    case .mounted: return .mounted(from: "another repository")
    case .session(let location): return .missing(location)
    case .refused(let forGood):
      if forGood { pushing.state.learn { if $0.mountsFromAnywhere == .unknown { $0.mountsFromAnywhere = .no } } }
      return .missing(nil)
    }
  }

  /// With a session open, asks whether it is needed.
  private func missingUnlessThere(_ descriptor: Descriptor, _ location: RegistryURL) async throws -> Finding {
    do {
      guard try await hasBlob(descriptor) else { return .missing(location) }
    } catch {
      await pushing.cancelUpload(at: location)
      throw error
    }
    await pushing.cancelUpload(at: location)
    return .existed
  }
}

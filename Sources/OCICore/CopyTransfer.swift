/// The single steps of a copy: one blob, one manifest.
struct CopyTransfer: Sendable {
  /// What a manifest is to the copy.
  enum Role: Sendable {
    case root(tags: [String])
    case child, referrer
  }

  let source: any ContentStore
  let destination: any ContentStore
  let options: CopyOptions
  let onEvent: @Sendable (CopyEvent) -> Void
  /// Puts a manifest, whose children are there, into the destination.
  let place: @Sendable (Descriptor, [UInt8], Role) async throws -> Void

  /// Copies a blob unless the destination has it.
  func copy(_ blob: Descriptor, of parent: Digest?) async throws -> PushOutcome {
    do {
      let outcome = try await destination.ensure(blob, from: content(of: blob))
      switch outcome {
      case .sent: onEvent(.copied(blob))
      case .existed: onEvent(.skipped(blob, .exists))
      case .mounted(let place): onEvent(.skipped(blob, .mounted(from: place)))
      }
      return outcome
    } catch let error as OCIError {
      throw Self.naming(parent, in: error)
    }
  }

  /// Reads a manifest of the source.
  func read(_ manifest: Descriptor, of parent: Digest?) async throws -> (AnyManifest, [UInt8]) {
    do { return try await source.manifest(manifest) } catch let error as OCIError {
      throw Self.naming(parent, in: error)
    }
  }

  private static func naming(_ parent: Digest?, in error: OCIError) -> OCIError {
    guard let parent else { return error }
    return OCIError(error.code, "\(error.message) (needed by manifest \(parent))")
  }

  /// Puts a manifest into the destination unless it has it; tells whether it did.
  /// - Parameter isMissing: Whether the destination need not be asked.
  func copy(_ manifest: Descriptor, _ bytes: [UInt8], _ role: Role, isMissing: Bool) async throws -> Bool {
    let isThere = isMissing ? false : try await destination.exists(manifest)
    // One that stands alone is published all the same: it may be there and not be reachable.
    if isThere, case .child = role {
      onEvent(.skipped(manifest, .exists))
      return false
    }
    try Task.checkCancellation()
    if !isThere { onEvent(.started(manifest)) }
    try await place(manifest, bytes, role)
    onEvent(isThere ? .skipped(manifest, .exists) : .copied(manifest))
    return !isThere
  }

  /// A blob to be taken by a store, which verifies it. That it is opened tells that it is sent.
  private func content(of blob: Descriptor) -> BlobSource {
    let isAtHand = (try? blob.data.map(blob.verify)) != nil
    let source = isAtHand ? BlobSource(blob.data ?? []) : source.source(of: blob)
    return BlobSource { [onEvent] offset in
      if offset == 0 { onEvent(.started(blob)) }
      return try await source.open(at: offset).counted(from: offset) { onEvent(.progress(blob, bytes: $0)) }
    }
  }
}

/// Copies what a descriptor is about, and everything below it: an index with its manifests, a manifest with its config and
/// layers, or a single blob.
///
/// Children are copied before their parents and each blob once; what the destination has is not read. Bytes are streamed and
/// verified on both sides, and no document changes, so digests stay.
/// - Parameters:
///   - root: What to copy.
///   - source: Where it is.
///   - destination: Where it should be.
///   - options: How many at a time, and what else to take along.
///   - onEvent: Is told what happens, from several tasks at once.
/// - Throws: The stores' errors; `OCIError` naming the manifest that is wrong; `CancellationError`.
@discardableResult
public func copy(
  _ root: Descriptor, from source: some ContentStore, to destination: some ContentStore, options: CopyOptions = .init(),
  onEvent: @escaping @Sendable (CopyEvent) -> Void = { _ in }
) async throws -> CopyReport {
  let transfer = CopyTransfer(source: source, destination: destination, options: options, onEvent: onEvent) {
    manifest, bytes, _ in try await destination.push(manifest, from: BlobSource(bytes))
  }
  var run = CopyRun(transfer)
  try await run.copy(root)
  return run.report
}

/// Copies a manifest or index and everything below it, as `copy(_:from:to:options:onEvent:)`, and gives it names, last of
/// all.
///
/// Where every tag names the root already, nothing but the tags is looked at. Where the destination has the root, it vouches
/// for what is below it, and nothing but the root is looked at; unless it turns out to have lost something. Where a tag names
/// nothing yet, the smallest layer is placed first: one that was missing tells that the root is missing too. Asked for
/// referrers, everything is looked at. After a failure the tags name what they named
/// before, and what was written is taken back as far as the destination can.
/// - Parameters:
///   - root: The manifest or index.
///   - source: Where it is.
///   - destination: Where it is wanted.
///   - tags: The names that it gets; with none, it is only reachable by digest.
///   - options: How many blobs at a time, and whether referrers go along.
///   - onEvent: Told what happens, from several tasks at once.
/// - Throws: As the other; `OCIError.Code.invalidDocument` where the root is no manifest.
@discardableResult
public func copy(
  _ root: Descriptor, from source: some ContentStore, to destination: some TagStore, tags: [String] = [],
  options: CopyOptions = .init(), onEvent: @escaping @Sendable (CopyEvent) -> Void = { _ in }
) async throws -> CopyReport {
  guard root.mediaType.isManifest else {
    throw OCIError(.invalidDocument, "'\(root.mediaType)' is no manifest's type, so \(root.digest) cannot be published")
  }
  let writer = destination.writer()
  let transfer = CopyTransfer(source: source, destination: writer, options: options, onEvent: onEvent) {
    manifest, bytes, role in
    switch role {
    case .child: try await writer.push(manifest, from: BlobSource(bytes))
    // With referrers to come, the tags wait for them.
    case .root(let tags): try await writer.publish(manifest, bytes: bytes, tags: options.referrers == nil ? tags : [])
    case .referrer: try await writer.publish(manifest, bytes: bytes, tags: [])
    }
  }
  var run = CopyRun(transfer)
  let state = try await run.look(at: tags, of: root, in: writer)
  if state == .named, options.referrers == nil { return run.report }
  do {
    var isThere = false
    if options.referrers == nil {
      let mayBeThere = state == .absent ? try await run.mayBeThere(root) : true
      if mayBeThere { isThere = try await run.publishIfPresent(root, isKnown: !run.report.unchangedTags.isEmpty) }
    }
    if !isThere { try await run.copy(root) }
    if options.referrers != nil, !run.report.movedTags.isEmpty {
      try await writer.publish(root, bytes: source.manifest(root).bytes, tags: run.report.movedTags)
    }
  } catch {
    await writer.rollBack()
    throw error
  }
  for tag in run.report.movedTags { onEvent(.tagged(tag, root, changed: true)) }
  return run.report
}

/// How to copy.
public struct CopyOptions: Sendable {
  /// How many requests are under way at a time, at least one.
  public var concurrency: Int
  /// Where to look for the manifests that are about those copied (signatures, attestations, and what is about these), to
  /// copy them too; with `nil` none are. Usually the source.
  public var referrers: (any ReferrerStore)?
  /// Whether to copy layers that may not be distributed and have an address elsewhere.
  public var includesForeignLayers: Bool

  /// Creates options.
  public init(concurrency: Int = 4, referrers: (any ReferrerStore)? = nil, includesForeignLayers: Bool = false) {
    self.concurrency = max(1, concurrency)
    self.referrers = referrers
    self.includesForeignLayers = includesForeignLayers
  }
}

/// What happens while content is copied.
public enum CopyEvent: Sendable, Hashable {
  /// A blob was found that the root needs: what becomes of it is told later.
  case queued(Descriptor)
  /// Content is being sent.
  case started(Descriptor)
  /// So many bytes of it have been read, since it was last begun.
  case progress(Descriptor, bytes: Int64)
  /// Content has arrived.
  case copied(Descriptor)
  /// Content need not be sent.
  case skipped(Descriptor, SkipReason)
  /// A tag names the root: now, or it did so before.
  case tagged(String, Descriptor, changed: Bool)

  /// Why content is not sent.
  public enum SkipReason: Sendable, Hashable {
    /// The destination has it.
    case exists
    /// The destination had it in another place, named here, and linked it.
    case mounted(from: String)
    /// It is a layer that may not be distributed, with an address elsewhere.
    case foreign
  }
}

extension CopyEvent: CustomStringConvertible {
  /// One line, for logs.
  public var description: String {
    switch self {
    case .queued(let content): "to be copied: \(content)"
    case .started(let content): "copying \(content)"
    case .progress(let content, let bytes): "copying \(content): \(bytes) bytes"
    case .copied(let content): "copied \(content)"
    case .skipped(let content, .exists): "already there: \(content)"
    case .skipped(let content, .mounted(let place)): "linked from \(place): \(content)"
    case .skipped(let content, .foreign): "may not be distributed: \(content)"
    case .tagged(let tag, let content, let isChanged): "\(tag) \(isChanged ? "is now" : "was") \(content)"
    }
  }
}

/// What a copy moved.
public struct CopyReport: Sendable, Hashable {
  /// What was sent, children before their parents.
  public var copied: [Descriptor] = []
  /// What was not sent: the destination had it, or it may not be distributed.
  public var skipped: [Descriptor] = []

  /// The tags that were set. From the first that named something else on, the others are set without being asked about, so
  /// some of them may have named the root already.
  public var movedTags: [String] = []
  /// The tags that named the root already.
  public var unchangedTags: [String] = []

  /// Creates a report.
  public init(
    copied: [Descriptor] = [], skipped: [Descriptor] = [], movedTags: [String] = [], unchangedTags: [String] = []
  ) {
    self.copied = copied
    self.skipped = skipped
    self.movedTags = movedTags
    self.unchangedTags = unchangedTags
  }

  /// The blobs that were sent: what was sent without manifests and indexes.
  public var copiedBlobs: [Descriptor] { copied.filter { !$0.mediaType.isManifest } }

  /// The bytes of what was sent.
  public var copiedBytes: Int64 { copied.totalSize }
}

extension Sequence<Descriptor> {
  /// The sum of the sizes; what documents of others say may be more than there is.
  var totalSize: Int64 {
    reduce(Int64(0)) { sum, next in
      let (total, overflows) = sum.addingReportingOverflow(next.size)
      return overflows ? .max : total
    }
  }
}

/// What a copy would do, found out by questions alone.
public struct CopyPlan: Sendable, Hashable {
  /// What would happen to one manifest or blob.
  public struct Step: Sendable, Hashable {
    /// The content.
    public var descriptor: Descriptor
    /// Whether it would be sent, or why not.
    public var action: Action
  }

  /// What would happen to content.
  public enum Action: Sendable, Hashable {
    /// It would be sent.
    case send
    /// It would not: the destination has it.
    case keep
    /// It would not: it may not be distributed, and has an address elsewhere.
    case leave
  }

  /// What would happen to a tag.
  public struct TagStep: Sendable, Hashable {
    /// The tag.
    public var tag: String
    /// What it names now; `nil` for nothing.
    public var current: Digest?
  }

  /// What is copied.
  public var root: Descriptor
  /// The content, children before their parents. What stands below something that the destination has is not listed: it
  /// vouches for it.
  public var steps: [Step] = []
  /// The tags.
  public var tags: [TagStep] = []

  /// What would be sent.
  public var sent: [Descriptor] { steps.filter { $0.action == .send }.map(\.descriptor) }

  /// The bytes that would be sent.
  public var sentBytes: Int64 { sent.totalSize }

  /// The tags that would be set.
  public var movedTags: [String] { tags.filter { $0.current != root.digest }.map(\.tag) }

  /// Whether nothing would change.
  public var isEmpty: Bool { sent.isEmpty && movedTags.isEmpty }
}

/// Finds out what `copy(_:from:to:tags:options:onEvent:)` would do. Reads manifests of the source, and no blob; asks the
/// destination, and changes nothing. Referrers are not looked for.
/// - Throws: The stores' errors; `OCIError` naming the manifest that is wrong.
public func planCopy(
  _ root: Descriptor, from source: some ContentStore, to destination: some TagStore, tags: [String] = [],
  options: CopyOptions = .init()
) async throws -> CopyPlan {
  let store = destination.writer()
  var plan = CopyPlan(root: root)
  for tag in tags { plan.tags.append(CopyPlan.TagStep(tag: tag, current: try await store.resolve(tag)?.digest)) }
  var seen: Set<Digest> = []
  plan.steps = try await steps(of: root, depth: 0, source, store, options, &seen)
  return plan
}

private func steps(
  of manifest: Descriptor, depth: Int, _ source: some ContentStore, _ destination: some ContentStore,
  _ options: CopyOptions, _ seen: inout Set<Digest>
) async throws -> [CopyPlan.Step] {
  guard seen.insert(manifest.digest).inserted else { return [] }
  if try await destination.exists(manifest) { return [CopyPlan.Step(descriptor: manifest, action: .keep)] }
  guard depth <= AnyManifest.maximumDepth else {
    throw OCIError(
      .limitExceeded, "index \(manifest.digest) is nested more than \(AnyManifest.maximumDepth) levels deep")
  }
  var steps: [CopyPlan.Step] = []
  var blobs: [Descriptor] = []
  for child in try await source.manifest(manifest).manifest.children {
    if child.mediaType.isManifest {
      steps += try await OCICore.steps(of: child, depth: depth + 1, source, destination, options, &seen)
    } else if child.isElsewhere, !options.includesForeignLayers {
      steps.append(CopyPlan.Step(descriptor: child, action: .leave))
    } else if seen.insert(child.digest).inserted {
      blobs.append(child)
    }
  }
  steps += try await blobs.concurrentMap(width: options.concurrency) { blob in
    CopyPlan.Step(descriptor: blob, action: try await destination.exists(blob) ? .keep : .send)
  }
  steps.append(CopyPlan.Step(descriptor: manifest, action: .send))
  return steps
}

/// Recorded versions of an image, to be planned one after the other as they would have been when they were new.
public struct Replay: Sendable {
  /// The versions, in the order in which they were made.
  public let versions: [ImageVersion]
  /// How many versions come before the first update that counts.
  public let warmUp: Int

  /// Prepares a replay.
  /// - Parameters:
  ///   - versions: At least two.
  ///   - warmUp: The versions before the first update that counts. Where there are few, fewer are left out, so that at
  ///     least half of the updates count.
  /// - Throws: `LayerGraphError.Code.invalidHistory` when there is no update, or a version is older than the one
  ///   before it.
  public init(_ versions: [ImageVersion], warmUp: Int = 10) throws(LayerGraphError) {
    guard versions.count >= 2 else {
      throw LayerGraphError(
        .invalidHistory, "the history has \(versions.count) versions of this image; a replay needs at least two")
    }
    for (position, (old, new)) in zip(versions, versions.dropFirst()).enumerated() where new.time < old.time {
      throw LayerGraphError(
        .invalidHistory,
        "version \(position + 2) of the history is from \(new.time), before version \(position + 1) from \(old.time); sort them"
      )
    }
    self.versions = versions
    self.warmUp = max(1, min(warmUp, versions.count / 2))
  }

  /// Plans every version with one strategy, each with the plan of the one before and the history up to it.
  /// - Throws: `LayerGraphError`, as `PlanningRequest.plan(with:)`.
  public func run(
    _ strategy: some PlanningStrategy, maximumLayers: Int, deadShare: Double = 0
  ) throws(LayerGraphError) -> ReplayReport {
    var report = ReplayReport(strategy: strategy.name, maximumLayers: maximumLayers, deadShare: deadShare, updates: [])
    var history = ChangeHistory()
    var registry: Set<[String]> = []
    var before: (version: ImageVersion, plan: LayerPlan)?
    for (position, version) in versions.enumerated() {
      history.record(version.graph)
      var request = try PlanningRequest(version.graph, maximumLayers: maximumLayers)
      request.previous = before?.plan
      request.history = history
      request.deadShare = deadShare
      let clock = ContinuousClock()
      let start = clock.now
      let plan = try request.plan(with: strategy)
      let duration = clock.now - start
      if let before, position >= warmUp {
        var update = Update(from: before.version.graph, before.plan, to: version, plan, registry)
        update.planningTime = duration
        report.updates.append(update)
      }
      registry.formUnion(plan.layers.map(\.members))
      before = (version, plan)
    }
    return report
  }

  /// What one update moved.
  public struct Update: Sendable, Hashable {
    /// When the new version was made.
    public var time: Int64
    /// The bytes of the new version's paths.
    public var imageBytes: Int64
    /// The bytes of those that the version before did not have: nobody can send less.
    public var unavoidableBytes: Int64
    /// The bytes of layers that no version before had.
    public var pushedBytes: Int64
    /// The bytes that a store fetches which has the version before and knows layers by digest.
    public var pulledBytes: Int64
    /// The bytes that a store fetches which has the version before and fetches everything above the first missing
    /// layer.
    public var chainBytes: Int64
    /// Bytes that departed paths take up in the layers.
    public var deadBytes: Int64
    /// The layers that were fetched.
    public var pulledLayers: Int
    /// The layers of the new version.
    public var layers: Int
    /// Bytes of paths that were in both versions and whose layer is not the one that they were in.
    public var movedBytes: Int64
    /// How long the new version's plan took.
    public var planningTime: Duration = .zero

    init(
      from old: StoreGraph, _ oldPlan: LayerPlan, to new: ImageVersion, _ plan: LayerPlan, _ registry: Set<[String]>
    ) {
      time = new.time
      imageBytes = new.graph.totalSize
      layers = plan.layers.count
      deadBytes = plan.layers.reduce(0) { $0 + $1.bytes } - imageBytes
      pushedBytes = 0
      pulledBytes = 0
      chainBytes = 0
      pulledLayers = 0
      movedBytes = 0
      let had = Set(oldPlan.layers.map(\.members))
      let hadPaths = Set(old.nodes.map(\.path))
      var sizes: [String: Int64] = [:]
      for node in new.graph.nodes { sizes[node.path] = node.size }
      var isAboveMissing = false
      for (index, layer) in plan.layers.enumerated() {
        let members = layer.members
        if index >= oldPlan.layers.count || oldPlan.layers[index].members != members { isAboveMissing = true }
        if isAboveMissing { chainBytes += layer.bytes }
        if had.contains(members) { continue }
        pulledBytes += layer.bytes
        pulledLayers += 1
        if !registry.contains(members) { pushedBytes += layer.bytes }
        for path in layer.paths where hadPaths.contains(path) { movedBytes += sizes[path] ?? 0 }
      }
      unavoidableBytes = new.graph.nodes.reduce(0) { hadPaths.contains($1.path) ? $0 : $0 + $1.size }
    }
  }
}

/// What a strategy moved over a replayed history.
public struct ReplayReport: Sendable, Hashable {
  /// The strategy's name.
  public var strategy: String
  /// The most layers that it had.
  public var maximumLayers: Int
  /// The share of dead bytes that it was allowed.
  public var deadShare: Double
  /// What each update moved that counts.
  public var updates: [Replay.Update]

  /// A figure over all updates.
  public struct Summary: Sendable, Hashable {
    /// The mean.
    public var mean: Double
    /// The median.
    public var median: Double
    /// What 95 of 100 updates do not exceed.
    public var percentile95: Double
  }

  /// Summarises a figure, taken from each update.
  public func summary(_ figure: (Replay.Update) -> Double) -> Summary {
    let values = updates.map(figure).sorted()
    guard !values.isEmpty else { return Summary(mean: 0, median: 0, percentile95: 0) }
    func percentile(_ share: Double) -> Double {
      let position = share * Double(values.count - 1)
      let low = Int(position)
      let high = min(low + 1, values.count - 1)
      return values[low] + (values[high] - values[low]) * (position - Double(low))
    }
    return Summary(
      mean: values.reduce(0, +) / Double(values.count), median: percentile(0.5), percentile95: percentile(0.95))
  }

  /// Bytes that digest stores pull, as a share of the image.
  public var pulledShare: Summary { summary { $0.share($0.pulledBytes) } }
  /// Bytes that are pushed, as a share of the image.
  public var pushedShare: Summary { summary { $0.share($0.pushedBytes) } }
  /// Bytes that chain stores pull, as a share of the image.
  public var chainShare: Summary { summary { $0.share($0.chainBytes) } }
  /// Bytes that nobody can avoid, as a share of the image.
  public var unavoidableShare: Summary { summary { $0.share($0.unavoidableBytes) } }
  /// Dead bytes, as a share of the image.
  public var deadBytesShare: Summary { summary { $0.share($0.deadBytes) } }
  /// The most dead bytes at any time, as a share of the image.
  public var mostDeadShare: Double { updates.map { $0.share($0.deadBytes) }.max() ?? 0 }
  /// Bytes of unchanged paths that changed their layer, as a share of the image.
  public var churn: Summary { summary { $0.share($0.movedBytes) } }
  /// The waste: what digest stores pull beyond the unavoidable, the mean as a share of the image.
  public var waste: Double { pulledShare.mean - unavoidableShare.mean }
}

extension Replay.Update {
  /// Bytes as a share of the image.
  public func share(_ bytes: Int64) -> Double { imageBytes == 0 ? 0 : Double(bytes) / Double(imageBytes) }
}

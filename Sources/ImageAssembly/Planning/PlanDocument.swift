public import LayerGraph
public import OCICore
public import SystemPackage

/// A plan with what is known beside it, as one file: the next version can be planned with nothing else.
public struct PlanDocument: Sendable {
  /// The plan.
  public var plan: LayerPlan
  /// What was known of changes when it was made, this version included; `nil` where the document does not say.
  public var history: ChangeHistory?
  /// Its explanation, if it is wanted. It is written, not read.
  public var explanation: PlanExplanation?
  /// The image that was read for its plan.
  private(set) var image: AssembledImage?

  /// Puts them together.
  public init(plan: LayerPlan, history: ChangeHistory? = nil, explanation: PlanExplanation? = nil) {
    self.plan = plan
    self.history = history
    self.explanation = explanation
  }

  /// Reads a document in any form that `LayerPlan.init(json:name:)` reads, and its history; or an image's description, which has
  /// its plan.
  /// - Throws: `AssemblyError.Code.invalidPlan`.
  public init(json bytes: [UInt8], name: String) throws(AssemblyError) {
    do {
      let json = try JSON(parsing: bytes, valueLimit: .max)
      if ImageDescription.isDescription(json) {
        // Host paths are not looked at.
        let described = try AssembledImage(description: bytes, name: name, in: "")
        plan = LayerPlan(layers: described.layers.compactMap(\.content.planned))
        image = described
        return
      }
      plan = try LayerPlan(json)
      history = try json.objectValue?["history"]?.stringValue.map { (text) throws in try ChangeHistory(text: text) }
    } catch {
      throw AssemblyError(.invalidPlan, "plan '\(name)': \(error)")
    }
  }

  /// Reads a document from a file.
  /// - Throws: `AssemblyError`: `invalidPlan`, `fileUnreadable`.
  public init(jsonFile path: FilePath) throws(AssemblyError) {
    let bytes: [UInt8]
    do { bytes = try FileSystem.contents(of: path) } catch {
      throw AssemblyError(.fileUnreadable, "plan: \(error.message)")
    }
    try self.init(json: bytes, name: path.string)
  }

  /// The document: members of `LayerPlan.json`, each layer with what is expected of it, `explanation`, and `history`,
  /// a text that only this library reads.
  public var json: JSON {
    guard var object = plan.json.objectValue else { return plan.json }
    explain(&object)
    if let history { object["history"] = .string(history.text) }
    return .object(object)
  }

  private func explain(_ object: inout JSON.Object) {
    guard let explanation else { return }
    object["layers"] = .array(
      zip(plan.layers, explanation.layers).map { layer, explained in
        guard var object = layer.json.objectValue else { return layer.json }
        object["liveBytes"] = .integer(explained.liveBytes)
        object["deadBytes"] = .integer(explained.deadBytes)
        object["changeProbability"] = .decimal(explained.changeProbability)
        object["expectedBytes"] = .whole(explained.expectedBytes)
        object["kept"] = .bool(explained.isKept)
        return .object(object)
      })
    object["explanation"] = .object([
      "sentBytes": .integer(explanation.sentBytes),
      "expectedBytes": .whole(explanation.expectedBytes),
      "unavoidableBytes": .whole(explanation.unavoidableBytes),
      "lowerBound": .whole(explanation.lowerBound),
      "gone": .array(
        explanation.gone.map { gone in
          .object([
            "layer": .integer(gone.place + 1), "rewrittenBytes": .integer(gone.rewrittenBytes),
            "freedBytes": .integer(gone.freedBytes), "reason": .string(gone.reason),
          ])
        }),
      "alternatives": .array(
        explanation.alternatives.map { other in
          .object([
            "strategy": .string(other.strategy), "sentBytes": .integer(other.sentBytes),
            "expectedBytes": .whole(other.expectedBytes),
          ])
        }),
    ])
  }
}

extension ReplayReport {
  /// The report as a document: figures are shares of the image for one update, as mean, median and 95th percentile.
  public func json(image: String) -> JSON {
    func share(_ summary: Summary) -> JSON {
      .object([
        "mean": .decimal(summary.mean), "median": .decimal(summary.median), "p95": .decimal(summary.percentile95),
      ])
    }
    let unavoidable = unavoidableShare.mean
    func ratio(_ summary: Summary) -> JSON { unavoidable > 0 ? .decimal(summary.mean / unavoidable) : .null }
    return .object([
      "image": .string(image), "strategy": .string(strategy), "maxLayers": .integer(maximumLayers),
      "deadBytesPercent": .decimal(deadShare * 100), "updates": .integer(updates.count),
      "pushed": share(pushedShare), "pulled": share(pulledShare), "chain": share(chainShare),
      "unavoidable": share(unavoidableShare), "waste": .decimal(waste),
      "pulledOfUnavoidable": ratio(pulledShare), "chainOfUnavoidable": ratio(chainShare),
      "dead": share(deadBytesShare), "mostDead": .decimal(mostDeadShare), "churn": share(churn),
      "layers": .decimal(summary { Double($0.layers) }.mean),
      "pulledLayers": .decimal(summary { Double($0.pulledLayers) }.mean),
      "pulledBytes": .whole(summary { Double($0.pulledBytes) }.mean),
      "pushedBytes": .whole(summary { Double($0.pushedBytes) }.mean),
      "chainBytes": .whole(summary { Double($0.chainBytes) }.mean),
      "planningMilliseconds": .decimal(
        summary {
          Double($0.planningTime.components.attoseconds) / 1e15 + Double($0.planningTime.components.seconds) * 1000
        }.mean),
    ])
  }
}

extension JSON {
  /// A number with six digits behind the point.
  static func decimal(_ value: Double) -> JSON {
    let scaled = (value * 1e6).rounded()
    guard scaled.magnitude < 1e18 else { return Self.whole(value) }
    let (whole, rest) = Int64(scaled.magnitude).quotientAndRemainder(dividingBy: 1_000_000)
    let digits = String(rest)
    return .number("\(scaled < 0 ? "-" : "")\(whole).\(String(repeating: "0", count: 6 - digits.count))\(digits)")
  }

  /// A number rounded to a whole one.
  static func whole(_ value: Double) -> JSON {
    // Sizes are at most 63 bits, whose largest number no Double has.
    .integer(Int64(exactly: value.rounded()) ?? (value > 0 ? .max : 0))
  }
}

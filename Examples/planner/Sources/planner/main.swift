import Foundation
import LayerGraph

// planner LAYERS STATUS...: the last status is planned, with those before it as its history.
let arguments = CommandLine.arguments.dropFirst().map(\.self)
guard arguments.count >= 2, let maximumLayers = Int(arguments[0]) else {

  print("usage: planner LAYERS STATUS...")
  exit(64)

}
let statuses = try arguments.dropFirst().map {
  DebianPackage.installed(status: try String(contentsOfFile: $0, encoding: .utf8))
}
var packages: [String: DebianPackage] = [:]
for package in statuses.joined() { packages[package.path] = package }
let own = SourcePackages(packages: packages)
let graphs = try statuses.map { try StoreGraph($0) }

func mebibytes(_ bytes: Double) -> String {
  let tenths = Int((bytes / 104_857.6).rounded())
  return "\(tenths / 10).\(tenths % 10) MiB"
}

// Which division would have moved the least over what happened so far?
var best: any PlanningStrategy = own
if graphs.count > 1 {
  let replay = try Replay(graphs.enumerated().map { ImageVersion(time: Int64($0), graph: $1) })
  let portfolio = try Portfolio(
    replay, maximumLayers: maximumLayers, strategies: [own, LeastBytes(), LargestFirst(), SingleLayer()])
  for report in portfolio.reports {
    let pulled = report.summary { Double($0.pulledBytes) }.mean
    let unavoidable = report.summary { Double($0.unavoidableBytes) }.mean
    print("\(report.strategy): \(mebibytes(pulled)) an update, of which \(mebibytes(unavoidable)) changed")
  }
  best = portfolio.best
}

// The plan of the last version, with the plans of those before it, as a build tool would make it.
var history = ChangeHistory()
var previous: LayerPlan?
for (number, graph) in graphs.enumerated() {
  history.record(graph)
  var request = try PlanningRequest(graph, maximumLayers: maximumLayers)
  (request.previous, request.history) = (previous, history)
  let plan = try request.plan(with: best)
  previous = plan
  guard number == graphs.count - 1 else { continue }
  print("\(graph.nodes.count) packages in \(plan.layers.count) layers, planned with \(best.name):")
  let explanation = try PlanExplanation(plan, for: request)
  for (layer, cost) in zip(plan.layers, explanation.layers) {
    let fate = cost.isKept ? "kept" : "sent"
    let count = layer.paths.count == 1 ? "1 package" : "\(layer.paths.count) packages"
    print("  \(fate)  \(mebibytes(Double(layer.bytes)))  \(count): \(layer.reason)")
  }
  print("sent with this version: \(mebibytes(Double(explanation.sentBytes)))")
}

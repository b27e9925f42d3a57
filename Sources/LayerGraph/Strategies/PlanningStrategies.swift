/// All strategies by name.
public enum PlanningStrategies {
  /// Our own first, then the known ones.
  public static let all: [any PlanningStrategy] = [
    LeastBytes(), Strata(), LargestFirst(), AutoLayer(), Rechunk(isSticky: true), Rechunk(isSticky: false), Chunkah(),
    ApkoOrigin(),
    Nixery(), PopularityContest(), Nix2ContainerPopularity(), LayerPerPath(), SingleLayer(),
  ]

  /// The strategy with a name, e.g. `largest-first`.
  public static func named(_ name: String) -> (any PlanningStrategy)? { all.first { $0.name == name } }
}

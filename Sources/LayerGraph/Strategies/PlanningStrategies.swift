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

  /// Those that take no more than seconds for so many paths: some take time in the square of them.
  public static func affordable(for paths: Int) -> [any PlanningStrategy] {
    let quadratic: Set<String> = ["auto-layer", "rechunk-sticky", "rechunk-fresh", "popularity-contest"]
    return paths <= 5000 ? all : all.filter { !quadratic.contains($0.name) }
  }
}

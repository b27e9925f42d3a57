/// The layers of many images, and which image is made of which: a layer that several images use is stored and pulled
/// once.
public struct FleetPlan: Sendable, Hashable {
  /// One layer.
  public struct Layer: Sendable, Hashable {
    /// Its store paths, sorted by their bytes.
    public var paths: [String]
    /// The sum of their sizes, in bytes.
    public var bytes: Int64
    /// Why they are together, in a few words for people.
    public var reason: String

    /// Creates a layer.
    public init(paths: [String], bytes: Int64, reason: String) {
      self.paths = paths
      self.bytes = bytes
      self.reason = reason
    }
  }

  /// All layers, each once.
  public var layers: [Layer]
  /// For each image, the numbers of its layers from the bottom up.
  public var images: [String: [Int]]

  /// Creates a plan.
  public init(layers: [Layer], images: [String: [Int]]) {
    self.layers = layers
    self.images = images
  }

  /// The plan of one image, or `nil` if the fleet has none of that name.
  public func plan(of image: String) -> LayerPlan? {
    images[image].map { numbers in
      LayerPlan(
        layers: numbers.map { .init(paths: layers[$0].paths, bytes: layers[$0].bytes, reason: layers[$0].reason) })
    }
  }

  /// The bytes that a registry holds which has all images.
  public var registryBytes: Int64 { layers.reduce(0) { $0 + $1.bytes } }
}

/// Images that are planned together.
public struct FleetRequest: Sendable {
  /// One image.
  public struct Image: Sendable {
    /// Its name, unique in the fleet.
    public var name: String
    /// Its store paths.
    public var graph: StoreGraph
    /// The most layers that it may have.
    public var maximumLayers: Int

    /// Describes an image.
    public init(name: String, graph: StoreGraph, maximumLayers: Int) {
      self.name = name
      self.graph = graph
      self.maximumLayers = maximumLayers
    }
  }

  /// The images, in any order.
  public var images: [Image]
  /// The fleet's previous plan: what of it is still right is kept, also by images that join.
  public var previous: FleetPlan?
  /// What is known of earlier versions; record the union of all images.
  public var history = ChangeHistory()

  /// Describes a fleet.
  public init(_ images: [Image], previous: FleetPlan? = nil, history: ChangeHistory = .init()) {
    self.images = images
    self.previous = previous
    self.history = history
  }

  /// All paths of all images.
  /// - Throws: `LayerGraphError`: `contradiction` where two images describe one path differently.
  public func union() throws(LayerGraphError) -> StoreGraph { try StoreGraph(union: images.map(\.graph)) }
}

extension FleetRequest {
  /// Plans all images together.
  ///
  /// Images share a layer of what they have in common, those first that save most by it. What is left of an image goes
  /// into a layer of its own. Layers that an image may still have are used to divide what changes apart. With a
  /// previous plan, layers that are still right are kept, whatever would be chosen now: an image that joins or leaves
  /// moves nothing that need not move.
  /// - Throws: `LayerGraphError`: `contradiction`, `invalidBudget` or `invalidPlan`.
  public func plan() throws(LayerGraphError) -> FleetPlan {
    guard Set(images.map(\.name)).count == images.count else {
      throw LayerGraphError(.contradiction, "two images of the fleet have the same name; give each its own")
    }
    if let image = images.first(where: { $0.maximumLayers < 1 }) {
      throw LayerGraphError(
        .invalidBudget, "image '\(image.name)' may have \(image.maximumLayers) layers; at least 1 is needed")
    }
    var planning = FleetPlanning(self, try union())
    return planning.plan()
  }
}

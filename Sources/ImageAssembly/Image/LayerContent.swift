public import LayerGraph
public import OCICore
public import SystemPackage
public import Tarball

/// What one layer of an image is made of.
public struct LayerContent: Sendable, Hashable {
  /// What gives its bytes.
  public var recipe: LayerRecipe
  /// The store paths that it holds, sorted; none for the layer of what is put at `/`.
  public var storePaths: [String]
  /// Its part of the plan; none for a layer that was not planned.
  public var planned: LayerPlan.Layer?
  /// How it is compressed, where that is not the image's way.
  public var encoding: LayerEncoding?
  /// The media type of the file that is the layer as it is, compressed or not; the recipe is that file's tar.
  public private(set) var blobType: MediaType?
  /// Annotations of its descriptor.
  public var annotations: [String: String]
  /// What the image's history says of it; something short and true unless told.
  public var history: ImageConfiguration.History?
  /// What its bytes are called, where that is known from an earlier assembly; it is believed until the layer is produced.
  public var digests: LayerDigests?

  /// Creates a layer.
  public init(
    _ recipe: LayerRecipe, storePaths: [String] = [], planned: LayerPlan.Layer? = nil, encoding: LayerEncoding? = nil,
    annotations: [String: String] = [:], history: ImageConfiguration.History? = nil
  ) {
    self.recipe = recipe
    self.storePaths = storePaths
    self.planned = planned
    self.encoding = encoding
    self.annotations = annotations
    self.history = history
  }

  /// Creates a layer of a tar, plain or compressed with gzip or zstd, whose bytes are kept as they are.
  /// - Parameters:
  ///   - path: The file.
  ///   - type: The layer's media type, which says how it is compressed.
  ///   - annotations: Annotations of the layer's descriptor.
  public init(blob path: FilePath, type: MediaType, annotations: [String: String] = [:]) {
    self.init(LayerRecipe(verbatimTar: path), annotations: annotations)
    blobType = type
  }

  /// The file that is the layer as it is.
  var blobFile: FilePath? { blobType == nil ? nil : recipe.sources.first?.host }

  /// A few words for the image's history, and for people.
  public var summary: String {
    if storePaths.count > 1 { return "\(storePaths.count) store paths" }
    if let path = storePaths.first { return path }
    let places = recipe.sources.map { source in
      source.form == .tree ? source.destination.string : source.host.lastComponent?.string ?? source.host.string
    }
    if places.allSatisfy({ $0 == "/" }) { return "root" }
    return places.count == 1 ? places[0] : "\(places.count) sources"
  }
}

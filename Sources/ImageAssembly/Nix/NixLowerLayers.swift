internal import OCICore
internal import SystemPackage
internal import Tarball

/// What lies below a group of layers: nothing of it is packed again.
struct NixLowerLayers {
  /// How many layers there are.
  private(set) var count = 0
  private var sources: Set<LayerRecipe.Source> = []
  /// Store paths in layers that are kept as they are.
  private var kept: Set<String> = []

  init(_ request: NixLayerRequest) async throws {
    for path in request.below { add(try LayersDocument(directory: path).layers) }
    guard let base = request.base else { return }
    if let image = try NixBase.description(base) {
      add(image.layers)
      count += image.base?.descriptors.count ?? 0
    } else {
      count += try await NixBase.image(base, reference: "", platform: nil).manifest.layers.count
    }
  }

  private mutating func add(_ layers: [AssembledImage.Layer]) {
    count += layers.count
    for layer in layers {
      if layer.content.blobType == nil {
        sources.formUnion(layer.content.recipe.sources)
      } else {
        kept.formUnion(layer.content.storePaths)
      }
    }
  }

  /// Whether a path is there already, at the same place and with the same metadata.
  func holds(_ source: LayerRecipe.Source) -> Bool {
    sources.contains(source) || (source == .init(source.host) && kept.contains(source.host.string))
  }
}

public import LayerGraph
public import OCICore

extension LayerPlan {
  /// The annotation of a layer's descriptor that holds its part of the plan, as JSON.
  public static let layerAnnotation = "org.flywheel.layer.plan"

  /// The most bytes of a manifest that plans may take up; registries refuse manifests of more than 4 MiB.
  static let annotationLimit = 1 << 20

  /// Recovers the plan of an image that was built with Flywheel from its manifest.
  ///
  /// Layers that hold no store path, such as that of what is put at `/`, are passed over.
  /// - Throws: `AssemblyError.Code.invalidPlan` when no layer has a plan, or one is broken.
  public init(recoveredFrom manifest: ImageManifest, name: String) throws(AssemblyError) {
    var layers: [Layer] = []
    for (index, descriptor) in manifest.layers.enumerated() {
      guard let text = descriptor.annotations[Self.layerAnnotation] else { continue }
      do {
        layers.append(try Layer(json: JSON(parsing: text), field: "layers[\(index)].annotations"))
      } catch {
        throw AssemblyError(.invalidPlan, "image '\(name)': \(error.message)")
      }
    }
    guard !layers.isEmpty else {
      throw AssemblyError(
        .invalidPlan,
        "image '\(name)': no layer has the annotation \(Self.layerAnnotation); only images built by flywheel with a plan that fits have it. "
          + "Give the plan as a file")
    }
    self.init(layers: layers)
  }

  /// The annotations to write, one for each layer; none when they would make the manifest too large.
  func annotations() -> [String?] {
    let texts = layers.map { layer in
      var layer = layer
      layer.reason = ""
      return String(decoding: layer.json.canonicalBytes, as: UTF8.self)
    }
    return texts.reduce(0, { $0 + $1.utf8.count }) <= Self.annotationLimit ? texts : texts.map { _ in nil }
  }
}

public import OCICore
internal import SystemPackage
internal import Tarball

/// What went into an image, as an in-toto statement with SLSA's provenance (slsa.dev/provenance/v1). It says what this
/// assembly did and no more: nobody has signed it, and no clock is in it.
public struct Provenance: Sendable {
  /// The media type of a statement.
  public static let mediaType = "application/vnd.in-toto+json"
  /// What kind of predicate the statement has, as attestation tools look for it among annotations.
  public static let predicateType = "https://slsa.dev/provenance/v1"

  private let image: AssembledImage
  private let name: String
  private let hashes: NarHashes
  private let builder: String

  /// Describes how an image came about.
  /// - Parameters:
  ///   - image: The image, as it was assembled.
  ///   - name: What the image is called.
  ///   - hashes: The hashes of the NARs, as Nix registered them.
  ///   - builder: Who ran the assembly, as a URI, e.g. that of the CI job.
  public init(
    _ image: AssembledImage, name: String, hashes: NarHashes = .init(), builder: String = "urn:flywheel:local"
  ) {
    self.image = image
    self.name = name
    self.hashes = hashes
    self.builder = builder
  }

  /// The statement.
  public var json: JSON {
    .object([
      "_type": "https://in-toto.io/Statement/v1",
      "subject": .array([
        .object([
          "name": .string(name),
          "digest": .object([image.descriptor.digest.algorithm.description: .string(image.descriptor.digest.hex)]),
        ])
      ]), "predicateType": .string(Self.predicateType),
      "predicate": .object([
        "buildDefinition": .object([
          "buildType": "urn:flywheel:image-assembly:1",
          "externalParameters": .object([
            "platform": .string(image.configuration.platform.description), "config": image.configuration.runtime.json,
            "layers": .array(image.layers.map(Self.layer)),
          ]), "resolvedDependencies": .array(dependencies),
        ]), "runDetails": .object(["builder": .object(["id": .string(builder)])]),
      ]),
    ])
  }

  private static func layer(_ layer: AssembledImage.Layer) -> JSON {
    var object: JSON.Object = [
      "digest": .string(layer.descriptor.digest.description), "diffID": .string(layer.diffID.description),
      "encoding": .string(layer.encoding.identifier),
    ]
    if !layer.content.storePaths.isEmpty { object["storePaths"] = .strings(layer.content.storePaths) }
    let others = layer.content.recipe.sources.filter { !layer.content.storePaths.contains($0.host.string) }
    if !others.isEmpty {
      object["sources"] = .array(
        others.map { .object(["path": .string($0.host.string), "at": .string($0.destination.string)]) })
    }
    return .object(object)
  }

  private var dependencies: [JSON] {
    var result: [JSON] = []
    if let base = image.base {
      result.append(
        .object([
          "name": .string(base.name), "uri": .string(base.name),
          "digest": .object([base.manifest.algorithm.description: .string(base.manifest.hex)]),
        ]))
    }
    for path in image.layers.flatMap(\.content.storePaths) {
      var object: JSON.Object = ["name": .string(path)]
      if let hash = hashes.sha256(of: path) {
        object["digest"] = .object(["sha256": .string(hash)])
        object["annotations"] = .object(["digestOf": "nar"])
      }
      result.append(.object(object))
    }
    return result
  }
}

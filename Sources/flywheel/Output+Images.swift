import ImageAssembly
import LayerGraph
import OCICore
import Tarball

extension Output {
  // MARK: Results

  static func json(_ thing: Deliverable, _ delivered: [Delivered]) -> JSON {
    let uploaded = JSON.array(delivered.map { json($0.report, $0.name) })
    switch thing {
    case .image(let image): return json(image, uploaded)
    case .index(let index):
      return .object([
        "digest": .string(index.descriptor.digest.description), "manifest": index.descriptor.json,
        "images": .array(index.images.map { json($0, nil) }), "uploaded": uploaded,
      ])
    case .content(let root, _):
      return .object([
        "digest": .string(root.digest.description), "manifest": root.json, "uploaded": uploaded,
      ])
    }
  }

  // MARK: Inspection

  static func inspection(
    _ root: Descriptor, _ manifest: ImageManifest, _ configuration: ImageConfiguration, _ own: AssembledImage?
  ) -> JSON {
    var object: JSON.Object = [
      "digest": .string(root.digest.description), "platform": .string(configuration.platform.description),
      "config": configuration.json, "annotations": .strings(manifest.annotations),
    ]
    if let base = own?.base {
      object["base"] = .object([
        "name": .string(base.name), "manifest": .string(base.manifest.description),
        "layers": .integer(base.descriptors.count),
      ])
    }
    let baseCount = own?.base?.descriptors.count ?? 0
    object["layers"] = .array(
      zip(manifest.layers, configuration.diffIDs).enumerated().map { index, pair in
        var layer: JSON.Object = [
          "digest": .string(pair.0.digest.description), "diffID": .string(pair.1.description),
          "mediaType": .string(pair.0.mediaType.text), "size": .integer(pair.0.size),
        ]
        if let made = own?.layers[safely: index - baseCount] {
          layer["uncompressedSize"] = .integer(made.uncompressedSize)
          layer["madeOf"] = .string(made.content.summary)
          layer["storePaths"] = .strings(made.content.storePaths)
          if let reason = made.content.planned?.reason { layer["reason"] = .string(reason) }
        }
        return .object(layer)
      })
    return .object(object)
  }

  static func text(
    _ root: Descriptor, _ manifest: ImageManifest, _ configuration: ImageConfiguration, _ own: AssembledImage?
  ) -> String {
    var lines = ["digest    \(root.digest)", "platform  \(configuration.platform)"]
    if let created = configuration.created { lines.append("created   \(created)") }
    if let base = own?.base { lines.append("base      \(base.name) (\(base.manifest))") }
    let runtime = configuration.runtime
    func add(_ name: String, _ words: [String]?) {
      if let words, !words.isEmpty { lines.append(name + words.map { "'\($0)'" }.joined(separator: " ")) }
    }
    add("entrypoint ", runtime.entrypoint)
    add("command   ", runtime.command)
    if let user = runtime.user { lines.append("user      \(user)") }
    if let directory = runtime.workingDirectory { lines.append("directory \(directory)") }
    for variable in runtime.environment { lines.append("variable  \(variable)") }
    for port in runtime.exposedPorts.sorted(by: byteOrder) { lines.append("port      \(port)") }
    for volume in runtime.volumes.sorted(by: byteOrder) { lines.append("volume    \(volume)") }
    for (name, value) in runtime.labels.sorted(by: { byteOrder($0.key, $1.key) }) {
      lines.append("label     \(name)=\(value)")
    }
    let baseCount = own?.base?.descriptors.count ?? 0
    for (index, layer) in manifest.layers.enumerated() {
      let made = own?.layers[safely: index - baseCount].map { "  \($0.content.summary)" } ?? ""
      lines.append(
        "layer     \(layer.digest.hex.prefix(12))  \(bytes(layer.size))\(index < baseCount ? "  base" : made)")
    }
    return lines.joined(separator: "\n")
  }

  // MARK: Comparison

  static func print(_ difference: ImageDifference, json: Bool) throws {
    if json { return try print(self.json(difference).prettyText) }
    for setting in difference.settings { try print(setting.description) }
    for file in difference.files {
      let place = file.newLayer.map { " (layer \($0))" } ?? ""
      try print("\(file.change)\(place)")
    }
    let (old, new) = difference.layerCounts
    Console.note(
      "\(count(difference.files.count, "file")) and \(count(difference.settings.count, "setting")) differ; \(difference.sharedLayers) of \(old) and \(new) layers are shared"
    )
  }

  private static func json(_ difference: ImageDifference) -> JSON {
    .object([
      "files": .array(
        difference.files.map { file in
          var object = json(file.change)
          if let layer = file.oldLayer { object["oldLayer"] = .integer(layer) }
          if let layer = file.newLayer { object["newLayer"] = .integer(layer) }
          return .object(object)
        }),
      "settings": .array(
        difference.settings.map { setting in
          .object([
            "path": .string(setting.path), "old": setting.old.map { .string($0) } ?? .null,
            "new": setting.new.map { .string($0) } ?? .null,
          ])
        }), "sharedLayers": .integer(difference.sharedLayers),
      "oldLayers": .integer(difference.layerCounts.old), "newLayers": .integer(difference.layerCounts.new),
    ])
  }

  private static func json(_ change: LayerListing.Change) -> JSON.Object {
    var object: JSON.Object = ["path": .string(String(decoding: change.path, as: UTF8.self))]
    switch change.kind {
    case .added: object["change"] = "added"
    case .removed: object["change"] = "removed"
    case .changed(let fields):
      object["change"] = "changed"
      object["fields"] = .array(
        fields.map { field in
          .object([
            "name": .string(field.name), "old": field.old.map { .string($0) } ?? .null,
            "new": field.new.map { .string($0) } ?? .null,
          ])
        })
    }
    return object
  }

  static func print(_ verdicts: [LayerVerdict], of image: AssembledImage, json: Bool) throws {
    if json {
      let layers = verdicts.map { verdict in
        JSON.object([
          "layer": .integer(verdict.number), "same": .bool(verdict.isSame),
          "digest": .string(verdict.layer.descriptor.digest.description),
          "nowDigest": .string(verdict.digests.digest.description),
          "changes": verdict.changes.map { .array($0.map { .object(Output.json($0)) }) } ?? .null,
        ])
      }
      let object: JSON.Object = [
        "digest": .string(image.descriptor.digest.description), "same": .bool(verdicts.allSatisfy(\.isSame)),
        "layers": .array(layers),
      ]
      return try print(JSON.object(object).prettyText)
    }
    for verdict in verdicts where !verdict.isSame {
      try print(
        "layer \(verdict.number) (\(verdict.layer.content.summary)) was \(verdict.layer.descriptor.digest) and is \(verdict.digests.digest)"
      )
      for change in verdict.changes ?? [] { try print("  \(change)") }
      if verdict.changes == nil { try print("  it is not known which files were in it") }
    }
    if verdicts.allSatisfy(\.isSame) { try print("\(image.descriptor.digest) is what its sources give") }
  }
}

extension Array {
  fileprivate subscript(safely index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}

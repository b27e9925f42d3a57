extension ImageManifest {
  /// What the manifest has wrong, or does unusually (image-spec, manifest.md).
  public func validate() -> [Finding] {
    let section = "Image Manifest Property Descriptions"
    var inspection = Inspection("manifest.md")
    if mediaType.isIndex || !mediaType.isManifest {
      inspection.error(.invalidValue, "$.mediaType", "'\(mediaType)' is no image manifest's type", section)
    }
    inspection.add(config.validate(at: "$.config"))
    for (index, layer) in layers.enumerated() { inspection.add(layer.validate(at: "$.layers[\(index)]")) }
    if let subject {
      inspection.add(subject.validate(at: "$.subject"))
      if !subject.mediaType.isManifest {
        inspection.warning(
          .unknownValue, "$.subject.mediaType", "'\(subject.mediaType)' is no manifest's type", section)
      }
    }
    if config.mediaType == .empty, artifactType == nil {
      inspection.error(.missing, "$.artifactType", "is missing; without a config it must say what this is", section)
    }
    if layers.isEmpty {
      inspection.warning(
        .missing, "$.layers", "has no entry; for portability there should be one, be it the empty descriptor", section)
    }
    checkLayerTypes(&inspection, section)
    checkSizes(&inspection, section)
    inspection.check(annotations: annotations, at: "$.annotations")
    return inspection.findings
  }

  private func checkLayerTypes(_ inspection: inout Inspection, _ section: String) {
    let isDocker = mediaType == .dockerManifest
    if config.mediaType.isConfiguration, config.mediaType.isDocker != isDocker {
      inspection.warning(
        .mismatch, "$.config.mediaType", "'\(config.mediaType)' in a manifest of type '\(mediaType)' may not be read",
        section)
    }
    guard config.mediaType.isConfiguration, artifactType == nil else { return }
    for (index, layer) in layers.enumerated() {
      var path: String { "$.layers[\(index)].mediaType" }
      guard let format = layer.mediaType.layerFormat else {
        inspection.warning(
          .unknownValue, path, "'\(layer.mediaType)' is no layer's type; runtimes will not read it", section)
        continue
      }
      if format.isForeign {
        inspection.warning(
          .deprecated, path, "layers that may not be distributed are deprecated; use '\(MediaType.layerTarGzip)'",
          section)
      }
      if layer.mediaType.isDocker != isDocker {
        inspection.warning(
          .mismatch, path, "'\(layer.mediaType)' in a manifest of type '\(mediaType)' may not be read", section)
      }
    }
  }

  private func checkSizes(_ inspection: inout Inspection, _ section: String) {
    var sum: Int64 = 0
    for blob in blobs {
      let (next, overflow) = sum.addingReportingOverflow(blob.size)
      guard !overflow else {
        return inspection.error(
          .limitExceeded, "$.layers", "the sizes together do not fit in 64 bits: one of them is wrong", section)
      }
      sum = next
    }
  }
}

extension ImageIndex {
  /// What the index has wrong, or does unusually (image-spec, image-index.md).
  public func validate() -> [Finding] {
    let section = "Image Index Property Descriptions"
    var inspection = Inspection("image-index.md")
    if !mediaType.isIndex {
      inspection.error(.invalidValue, "$.mediaType", "'\(mediaType)' is no index's type", section)
    }
    for (index, manifest) in manifests.enumerated() {
      var path: String { "$.manifests[\(index)]" }
      inspection.add(manifest.validate(at: path))
      if !manifest.mediaType.isManifest {
        inspection.warning(
          .unknownValue, "\(path).mediaType", "'\(manifest.mediaType)' is no manifest's type; runtimes pass it by",
          section)
      } else if manifest.size > ImageManifest.sizeLimit {
        inspection.warning(
          .limitExceeded, "\(path).size", "is more than the \(ImageManifest.sizeLimit) bytes that registries accept",
          section)
      }
    }
    if let subject { inspection.add(subject.validate(at: "$.subject")) }
    inspection.check(annotations: annotations, at: "$.annotations")
    return inspection.findings
  }
}

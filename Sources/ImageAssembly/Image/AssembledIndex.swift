public import OCICore
public import Tarball

/// Several images, one a platform, under one digest.
public struct AssembledIndex: Sendable {
  /// The images, in the order of the index.
  public private(set) var images: [AssembledImage]
  /// The index.
  public let index: ImageIndex
  /// The index's bytes.
  public let indexBytes: [UInt8]
  /// The index's descriptor: its digest is that of the whole.
  public let descriptor: Descriptor

  /// Puts images together.
  /// - Parameters:
  ///   - images: The images, one a platform, in the order of the index.
  ///   - annotations: Annotations of the index.
  ///   - entries: Annotations of the entries of the index, by platform as `linux/arm64`.
  /// - Throws: `AssemblyError.Code.invalidSettings` for two images of one platform, or an entry without an image.
  public init(
    _ images: [AssembledImage], annotations: [String: String] = [:], entries: [String: [String: String]] = [:]
  ) throws(AssemblyError) {
    let platforms = images.map(\.configuration.platform)
    for (place, platform) in platforms.enumerated() where platforms[..<place].contains(platform) {
      throw AssemblyError(.invalidSettings, "two images are for \(platform); an index has one for each platform")
    }
    let names = platforms.map(\.description)
    if let stray = entries.keys.sorted(by: { $0 < $1 }).first(where: { !names.contains($0) }) {
      throw AssemblyError(
        .invalidSettings, "there are annotations for \(stray), but images only for \(names.joined(separator: ", "))")
    }
    self.images = images
    index = ImageIndex(
      manifests: images.map { image in
        var entry = image.descriptor
        entry.platform = image.configuration.platform
        entry.annotations = entries[image.configuration.platform.description] ?? [:]
        return entry
      }, annotations: annotations)
    indexBytes = index.canonicalBytes
    descriptor = Descriptor(mediaType: .imageIndex, describing: indexBytes)
  }

  /// The same index, with what its images' sources have that this machine lacks.
  public func substituting(_ substitute: (any TreeSubstitute)?) -> AssembledIndex {
    var result = self
    for place in result.images.indices { result.images[place].substitute = substitute }
    return result
  }

  /// What it consists of, as a store to copy from.
  public func content(concurrency: Int = 3) -> CompositeContent {
    CompositeContent(documents: [indexBytes], images.map { $0.content(concurrency: concurrency) })
  }
}

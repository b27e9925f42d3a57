public import OCICore

/// An image moved from one base to another: its own layers stay as they are, and so does what it says differently from its
/// old base.
public struct RebasedImage: Sendable {
  /// The new manifest.
  public let manifest: ImageManifest
  /// The new manifest's bytes.
  public let manifestBytes: [UInt8]
  /// The new manifest's descriptor.
  public let descriptor: Descriptor
  /// The new configuration.
  public let configuration: ImageConfiguration
  /// How many layers of its own were taken along.
  public let ownLayerCount: Int
  private let documents: [[UInt8]]
  private let ownStore: any ContentStore
  private let base: BaseLayers

  /// Moves an image. No layer is read.
  /// - Parameters:
  ///   - image: The image's manifest.
  ///   - store: Where the image is.
  ///   - old: Its base, as it was.
  ///   - new: The base that it gets.
  /// - Throws: The stores' errors; `AssemblyError.Code.invalidSettings` where the image does not lie on the old base;
  ///   `OCIError.Code.platformMismatch` where the new one is for another platform.
  public init(
    _ image: Descriptor, in store: some ContentStore, from old: BaseImage, onto new: BaseImage
  ) async throws {
    guard case .manifest(let manifest) = try await store.manifest(image).manifest else {
      throw OCIError(.invalidDocument, "\(image.digest) is an index; rebase its images one by one")
    }
    let configuration = try await Document<ImageConfiguration>(fetching: manifest.config, from: store).value
    let count = old.configuration.diffIDs.count
    guard configuration.diffIDs.starts(with: old.configuration.diffIDs),
      manifest.layers.count == configuration.diffIDs.count
    else {
      throw AssemblyError(
        .invalidSettings,
        "\(image.digest) does not lie on '\(old.name)' (\(old.descriptor.digest)): its first layers are others; name the base that it was built on"
      )
    }
    let (ours, theirs) = (configuration.platform.normalized, new.configuration.platform.normalized)
    guard ours.os == theirs.os, ours.architecture == theirs.architecture else {
      throw OCIError(
        .platformMismatch,
        "'\(new.name)' is for \(new.configuration.platform), but the image is for \(configuration.platform)")
    }
    var result = configuration
    result.runtime = try RuntimeConfiguration(
      Self.merged(
        configuration.runtime.json, old.configuration.runtime.json, new.configuration.runtime.json, isEnvironment: false
      ),
      path: "config.config")
    result.platform = new.configuration.platform
    result.rootFS.diffIDs = new.configuration.diffIDs + configuration.diffIDs.dropFirst(count)
    result.history = new.configuration.history + Self.ownHistory(configuration, old.configuration)
    var moved = manifest
    let bytes = result.canonicalBytes
    moved.config = Descriptor(mediaType: manifest.config.mediaType, describing: bytes)
    moved.layers = new.layers.descriptors + manifest.layers.dropFirst(count)
    if moved.mediaType.isDocker {
      moved.mediaType = .imageManifest
      moved.config.mediaType = .imageConfiguration
      for index in moved.layers.indices { moved.layers[index].mediaType = moved.layers[index].mediaType.ociEquivalent }
    }
    moved.annotations.merge(new.annotations) { $1 }
    self.manifest = moved
    manifestBytes = moved.canonicalBytes
    descriptor = Descriptor(mediaType: moved.mediaType, describing: manifestBytes)
    self.configuration = result
    ownLayerCount = manifest.layers.count - count
    documents = [manifestBytes, bytes]
    ownStore = store
    base = new.layers
  }

  /// What the new image consists of, as a store to copy from: its own layers from where it was, the others from the base.
  public func content() async throws -> CompositeContent {
    CompositeContent(documents: documents, [try await base.store(), ownStore])
  }

  /// The steps that come after the base's layers.
  private static func ownHistory(
    _ image: ImageConfiguration, _ base: ImageConfiguration
  ) -> [ImageConfiguration.History] {
    if image.history.starts(with: base.history) { return Array(image.history.dropFirst(base.history.count)) }
    // Written another way: the last that made layers of its own.
    var rest = image.diffIDs.count - base.diffIDs.count
    var start = image.history.endIndex
    while start > image.history.startIndex, rest > 0 {
      start -= 1
      if !image.history[start].emptyLayer { rest -= 1 }
    }
    return Array(image.history[start...])
  }

  /// What the image says as its old base did follows the new one; what it says itself stays. Maps by name, the environment
  /// by variable.
  private static func merged(_ image: JSON?, _ old: JSON?, _ new: JSON?, isEnvironment: Bool) -> JSON {
    if image == old { return new ?? .null }
    if old == new { return image ?? .null }
    if isEnvironment, let merged = environment(image, old, new) { return merged }
    guard let ours = image?.objectValue, let before = old?.objectValue ?? .some(JSON.Object()),
      let after = new?.objectValue ?? .some(JSON.Object())
    else { return image ?? .null }
    var result = JSON.Object()
    for name in after.members.map(\.name) + ours.members.map(\.name).filter({ after[$0] == nil }) {
      let value = merged(ours[name], before[name], after[name], isEnvironment: name == "Env")
      // What one of them took away stays away.
      if value != .null { result[name] = value }
    }
    return .object(result)
  }

  private static func environment(_ image: JSON?, _ old: JSON?, _ new: JSON?) -> JSON? {
    func variables(_ json: JSON?) -> [(name: String, text: String)]? {
      guard let json, json != .null else { return [] }
      return json.arrayValue?.compactMap { item in
        item.stringValue.map { text in (String(text.split(separator: "=", omittingEmptySubsequences: false)[0]), text) }
      }
    }
    guard let ours = variables(image), let before = variables(old), let after = variables(new) else { return nil }
    let (own, known) = (
      Dictionary(ours.map { ($0.name, $0.text) }) { $1 }, Dictionary(before.map { ($0.name, $0.text) }) { $1 }
    )
    var result: [String] = []
    for (name, text) in after {
      if let mine = own[name] {
        result.append(mine == known[name] ? text : mine)
      } else if known[name] == nil {
        result.append(text)
      }
    }
    for (name, text) in ours where !after.contains(where: { $0.name == name }) && text != known[name] {
      result.append(text)
    }
    return .strings(result)
  }
}

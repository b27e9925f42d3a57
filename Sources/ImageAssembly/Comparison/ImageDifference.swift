internal import OCICore
public import Tarball

/// How two images differ: file by file, and in what their configurations say.
public struct ImageDifference: Sendable {
  /// A file that differs, and the layers that it comes from.
  public struct File: Sendable, Hashable {
    /// What changed.
    public var change: LayerListing.Change
    /// The layer before, from 1; `nil` where it was not there.
    public var oldLayer: Int?
    /// The layer after, from 1; `nil` where it is gone.
    public var newLayer: Int?
  }

  /// A member of the configuration that differs, or an annotation.
  public struct Setting: Sendable, Hashable, CustomStringConvertible {
    /// Where it is, e.g. `config.Env`.
    public var path: String
    /// Before, as JSON.
    public var old: String?
    /// After, as JSON.
    public var new: String?

    /// A line for people.
    public var description: String { "~ \(path): \(old ?? "(none)") -> \(new ?? "(none)")" }
  }

  /// The files of the trees that differ, sorted by path.
  public let files: [File]
  /// What the configurations say differently, their lists of layers aside.
  public let settings: [Setting]
  /// How many layers both have.
  public let sharedLayers: Int
  /// How many layers each has.
  public let layerCounts: (old: Int, new: Int)

  /// Whether nothing differs that a container would notice.
  public var isEmpty: Bool { files.isEmpty && settings.isEmpty }

  /// Compares.
  public init(from old: ImageContents, to new: ImageContents) {
    let (before, after) = (old.tree.entries, new.tree.entries)
    let oldLayers = Dictionary(before.map { ($0.listing.path, $0.layer) }, uniquingKeysWith: { $1 })
    let newLayers = Dictionary(after.map { ($0.listing.path, $0.layer) }, uniquingKeysWith: { $1 })
    files = new.tree.listing.changes(since: old.tree.listing).map { change in
      File(
        change: change, oldLayer: (oldLayers[change.path] ?? nil).map { $0 + 1 },
        newLayer: (newLayers[change.path] ?? nil).map { $0 + 1 })
    }
    var settings: [Setting] = []
    if let old = old.configuration, let new = new.configuration {
      Self.compare(Self.withoutLayers(old).json, Self.withoutLayers(new).json, "", &settings)
    }
    Self.compare(JSON.strings(old.annotations), JSON.strings(new.annotations), "annotations", &settings)
    self.settings = settings
    let known = Set(old.layers.compactMap(\.diffID))
    sharedLayers = new.layers.compactMap(\.diffID).count { known.contains($0) }
    layerCounts = (old.layers.count, new.layers.count)
  }

  private static func withoutLayers(_ configuration: ImageConfiguration) -> ImageConfiguration {
    var result = configuration
    result.rootFS.diffIDs = []
    result.history = []
    return result
  }

  /// Objects are compared member by member, everything else as a whole.
  private static func compare(_ old: JSON?, _ new: JSON?, _ path: String, _ result: inout [Setting]) {
    guard old != new else { return }
    guard let before = old?.objectValue, let after = new?.objectValue else {
      func text(_ value: JSON?) -> String? { value.map { String(decoding: $0.canonicalBytes, as: UTF8.self) } }
      result.append(Setting(path: path, old: text(old), new: text(new)))
      return
    }
    let names = before.members.map(\.name) + after.members.map(\.name).filter { before[$0] == nil }
    for name in names { compare(before[name], after[name], path.isEmpty ? name : "\(path).\(name)", &result) }
  }
}

public import LayerGraph
public import SystemPackage
public import Tarball

/// An image of a Nix closure: every store path at its own place, some of them at the root too.
///
/// On a base, the base's layers count towards the most that there may be.
public struct ClosureImage: Sendable {
  /// The most layers an image has unless told otherwise: under the 125 that Docker starts, with room for a base image.
  public static let defaultMaximumLayers = 100

  /// The store paths.
  public var graph: StoreGraph
  /// Directories whose content is also put at `/`, symbolic links as they are, in the top layer. One that is given as a
  /// link itself, such as Nix's `result`, stands for what it leads to.
  public var copyToRoot: [FilePath]
  /// What the configuration says.
  public var settings: ImageSettings
  /// The most layers, the one on top for `/` and for what is hidden included.
  public var maximumLayers: Int
  /// How layers are compressed.
  public var encoding: LayerEncoding
  /// How store paths are divided into layers. Where departed paths are kept in layers, one layer on top hides them; it
  /// is also that for `/`.
  public var planning: PlanningOptions
  /// How the metadata of files is written.
  public var metadata: MetadataPolicy
  /// Whether references that lead out of the closure are accepted.
  public var allowsOutsideReferences: Bool
  /// Where what is known of layers is kept; `nil` to compute everything.
  public var cache: LayerDigestCache?
  /// The image below.
  public var base: BaseImage?
  /// Layers of other sources, between those of store paths and the one for `/`.
  public var otherLayers: [LayerContent] = []
  /// Whether everything is computed again and compared with what the cache knows.
  public var verifiesCache = false
  /// Gives store paths that are not on this machine, such as binary caches.
  public var substitute: (any TreeSubstitute)?

  /// Describes an image; nothing is read yet.
  public init(
    _ graph: StoreGraph, copyToRoot: [FilePath] = [], settings: ImageSettings = .init(),
    maximumLayers: Int = Self.defaultMaximumLayers, encoding: LayerEncoding = .standard,
    planning: PlanningOptions = .init(), metadata: MetadataPolicy = .init(),
    allowsOutsideReferences: Bool = false, cache: LayerDigestCache? = nil
  ) {
    self.graph = graph
    self.copyToRoot = copyToRoot
    self.settings = settings
    self.maximumLayers = maximumLayers
    self.encoding = encoding
    self.planning = planning
    self.metadata = metadata
    self.allowsOutsideReferences = allowsOutsideReferences
    self.cache = cache
  }
}

public import LayerGraph
public import OCICore
public import SystemPackage
public import Tarball

/// An image of a Nix closure: every store path at its own place, some of them at the root too.
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
  /// Where digests of immutable layers are remembered; `nil` to compute every one.
  public var cache: LayerDigestCache?

  /// Describes an image; nothing is read yet.
  public init(
    _ graph: StoreGraph, copyToRoot: [FilePath] = [], settings: ImageSettings = .init(),
    maximumLayers: Int = Self.defaultMaximumLayers, encoding: LayerEncoding = .gzip(),
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

/// What one layer of an image is made of.
public struct LayerContent: Sendable, Hashable {
  /// What gives its bytes.
  public var recipe: LayerRecipe
  /// The store paths that it holds, sorted; none for the layer of what is put at `/`.
  public var storePaths: [String]
  /// Its part of the plan; none for the layer of what is put at `/`.
  public var planned: LayerPlan.Layer?
}

/// What goes on while an image is assembled and pushed.
public enum AssemblyProgress: Sendable, Hashable {
  /// Something that is allowed, and may still not be what was meant.
  case warning(String)
  /// A layer's digest is computed, or taken from the cache.
  case digesting(layer: Int, of: Int, paths: Int)
  /// So many bytes of a layer's tar have been made; told for each MiB.
  case hashed(layer: Int, of: Int, bytes: Int64)
  /// A destination has the blob already.
  case skipped(Descriptor)
  /// A blob is sent.
  case pushing(Descriptor)
  /// A blob has arrived.
  case pushed(Descriptor)
  /// A tag names the image now, or did so before.
  case tagged(String, changed: Bool)
}

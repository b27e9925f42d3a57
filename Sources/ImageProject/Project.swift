public import ImageAssembly
public import OCICore
public import SystemPackage
public import Tarball

/// The images of a project and where they go: what `flywheel.yaml` describes, as values.
public struct Project: Sendable {
  /// The images, in the order of the file.
  public var images: [ProjectImage] = []
  /// Where images go, by the name of the context: a registry with the repository that images' own are below, e.g.
  /// `ghcr.io/org/name`. It may say `${NAME}`.
  public var contexts: [String: String] = [:]
  /// The context that is meant when none is named.
  public var defaultContext: String?
  /// The tags that images get which name none themselves.
  public var tags: [TagRule] = [.content]
  /// The branch from which `latest` is pushed, where the environment does not say.
  public var defaultBranch = "main"
  /// The file that pins base images, relative to the project's directory.
  public var lockFile: FilePath?
  /// What relative paths are relative to.
  public var directory: FilePath

  /// Creates an empty project.
  public init(directory: FilePath = ".") { self.directory = directory }

  /// The names of the contexts, sorted.
  public var contextNames: [String] { contexts.keys.sorted(by: byteOrder) }

  /// The context of a name.
  /// - Parameter name: With `nil` the default, or the only one.
  /// - Throws: `AssemblyError.Code.invalidSettings`, naming the contexts that there are.
  public func context(_ name: String?) throws(AssemblyError) -> (name: String, prefix: String) {
    let wanted = name ?? defaultContext ?? (contexts.count == 1 ? contexts.keys.first : nil)
    guard let wanted else {
      throw AssemblyError(
        .invalidSettings,
        "the project has the contexts \(contextNames.joined(separator: ", ")); choose one with --context, or set 'defaultContext'"
      )
    }
    guard let prefix = contexts[wanted] else {
      throw AssemblyError(
        .invalidSettings,
        "the project has no context '\(wanted)'; it has \(contexts.isEmpty ? "none" : contextNames.joined(separator: ", "))"
      )
    }
    return (wanted, prefix)
  }

  /// The repository that an image goes to, below the prefix of a context.
  /// - Throws: `AssemblyError.Code.invalidSettings` for values that are missing, `OCIError.Code.invalidReference`.
  public func repository(of image: ProjectImage, prefix: String, stamp: Stamp) throws -> ImageReference {
    let path = try stamp.text(prefix) + (image.repository.isEmpty ? "" : "/" + (try stamp.text(image.repository)))
    return try ImageReference(path, defaultHost: nil).withoutTagOrDigest
  }
}

/// One image of a project.
public struct ProjectImage: Sendable {
  /// What it is made of.
  public enum Source: Sendable {
    /// A closure as a JSON file.
    case closure(FilePath)
    /// Store paths whose closure the installed Nix is asked for.
    case nix([FilePath])
    /// Files by their path in the image.
    case files(FileMap)
    /// Nothing of its own: the base with another configuration.
    case baseAlone
  }

  /// One platform of the image.
  public struct Variant: Sendable {
    /// The platform; `nil` for that of the content, or of the base.
    public var platform: Platform?
    /// What it is made of.
    public var source: Source
    /// Paths that are also put at `/`, where the source is a closure.
    public var copyToRoot: [FilePath] = []

    /// Creates a variant.
    public init(platform: Platform? = nil, source: Source) {
      self.platform = platform
      self.source = source
    }
  }

  /// Its name in the file.
  public var name: String
  /// Its repository below that of the context; its name unless told otherwise.
  public var repository: String
  /// What it is made of, a platform each; more than one make an index.
  public var variants: [Variant] = []
  /// The base image, as `docker://…`, `oci:…`, `oci-archive:…` or `dir:…`; it may say `${NAME}`.
  public var base: String?
  /// What its configuration says; labels and annotations may say `${NAME}`.
  public var settings = ImageSettings()
  /// Annotations of the index, where there are several platforms.
  public var indexAnnotations: [String: String] = [:]
  /// Archives, each a layer of its own.
  public var archives: [LayerRecipe] = []
  /// How store paths are divided into layers.
  public var planning = PlanningOptions()
  /// The most layers.
  public var maximumLayers = ClosureImage.defaultMaximumLayers
  /// How layers are compressed.
  public var encoding = LayerEncoding.standard
  /// Its tags; the project's where there are none.
  public var tags: [TagRule]?

  /// Creates an image.
  public init(_ name: String, variants: [Variant] = []) {
    self.name = name
    repository = name
    self.variants = variants
  }
}

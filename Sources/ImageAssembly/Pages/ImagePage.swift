public import OCICore
internal import Tarball

/// An image as one page of HTML that needs nothing else: its configuration, its layers and what they are made of, its files by
/// size, what upper layers hide, and what changed against another image.
///
/// The same images give the same bytes. Nothing that an image says is run, or taken for markup.
public struct ImagePage: Sendable {
  /// An image, with all that the page tells of it.
  public struct Image: Sendable {
    /// What it is called: where it was found.
    public var name: String
    /// Its manifest's digest.
    public var digest: Digest
    /// Its manifest.
    public var manifest: ImageManifest
    /// Its configuration.
    public var configuration: ImageConfiguration
    /// What is in its layers.
    public var contents: ImageContents
    /// What its layers are made of, where a description tells.
    public var description: AssembledImage?

    /// Puts together what is known of an image.
    public init(
      name: String, digest: Digest, manifest: ImageManifest, configuration: ImageConfiguration, contents: ImageContents,
      description: AssembledImage? = nil
    ) {
      self.name = name
      self.digest = digest
      self.manifest = manifest
      self.configuration = configuration
      self.contents = contents
      self.description = description
    }

    /// An image with a description.
    /// - Throws: As `AssembledImage.contents()`.
    public init(_ image: AssembledImage, name: String) async throws {
      self.init(
        name: name, digest: image.descriptor.digest, manifest: image.manifest, configuration: image.configuration,
        contents: try await image.contents(), description: image)
    }

    /// An image in a store; its layers are read, as far as the cache does not know them.
    /// - Throws: The store's errors, `TarballError`; `OCIError.Code.invalidDocument` for an index.
    public init(
      _ image: Descriptor, in store: some ContentStore, name: String, cache: LayerDigestCache? = nil
    ) async throws {
      guard case .manifest(let manifest) = try await store.manifest(image).manifest else {
        throw OCIError(.invalidDocument, "\(name) is an index; choose one of its images by platform")
      }
      self.init(
        name: name, digest: image.digest, manifest: manifest,
        configuration: try await Document<ImageConfiguration>(fetching: manifest.config, from: store).value,
        contents: try await ImageContents(image, in: store, cache: cache))
    }
  }

  let image: Image
  let other: Image?
  let difference: ImageDifference?
  let tree: ImagePageTree
  let hidden: [ImagePageHiddenFile]

  /// Describes the page.
  /// - Parameters:
  ///   - image: The image that the page is about.
  ///   - other: The image before, to show what changed since.
  public init(_ image: Image, against other: Image? = nil) {
    self.image = image
    self.other = other
    difference = other.map { ImageDifference(from: $0.contents, to: image.contents) }
    tree = ImagePageTree(image.contents.tree.entries, since: difference)
    hidden = ImagePageHiddenFile.all(in: image.contents.tree)
  }

  /// The page.
  public var html: String {
    var sections: [HTMLPage.Section] = []
    if let changes { sections.append(changes) }
    sections += [layers, files, hiddenFiles, configuration]
    return HTMLPage(
      title: "\(PageText.visible(image.name)), image", header: header, sections: sections,
      footer: "Written by flywheel inspect. The page fetches nothing.", data: data, script: ImagePageScript.source
    ).html
  }

  // MARK: What the page begins with

  private var header: String {
    let sizes = image.manifest.layers.reduce(Int64(0)) { $0 + $1.size }
    let facts = [
      (PageText.bytes(sizes), "in \(PageText.count(image.manifest.layers.count, "layer"))"),
      (PageText.bytes(tree.bytes), "in \(PageText.count(tree.fileCount, "file"))"),
      (PageText.bytes(hidden.reduce(Int64(0)) { $0 + $1.size }), "in hidden files"),
    ]
    let items = facts.map { "<li><b>\($0.0)</b><span>\($0.1)</span></li>" }
    var list: [(String, String)] = [
      ("digest", "<span class=\"code\">\(PageText.escaped(image.digest.description))</span>"),
      ("platform", PageText.escaped(image.configuration.platform.description)),
    ]
    if let created = image.configuration.created { list.append(("created", PageText.escaped(created))) }
    if let base = image.description?.base {
      list.append(
        (
          "base",
          "\(PageText.escaped(base.name)), <span class=\"code\">\(PageText.escaped(base.manifest.description))</span>"
        ))
    } else if let name = image.manifest.annotations[AnnotationKey.baseName] {
      list.append(("base", PageText.escaped(name)))
    }
    if let other {
      list.append(
        (
          "compared with",
          "\(PageText.escaped(other.name)), <span class=\"code\">\(PageText.escaped(other.digest.description))</span>"
        ))
    }
    return "<h1>\(PageText.escaped(image.name))</h1>\n\(Self.list(list))\n<ul class=\"facts\">\(items.joined())</ul>"
  }

  /// Names and what they are, as markup.
  static func list(_ members: [(name: String, value: String)]) -> String {
    let items = members.map { "<dt>\(PageText.escaped($0.name))</dt><dd>\($0.value)</dd>" }
    return "<dl>\(items.joined(separator: "\n"))</dl>"
  }

  // MARK: What the script draws

  private var data: JSON {
    var object: JSON.Object = [
      "tree": tree.json, "layers": .integer(image.manifest.layers.count),
      "hidden": .array(
        hidden.map { file in
          .array([
            .string(file.path), .integer(file.size), .integer(file.layer), .integer(file.hiddenBy),
            .string(file.reason),
          ])
        }),
    ]
    if let difference { object["changes"] = .array(difference.files.map { .array(ImagePageChange($0).values) }) }
    return .object(object)
  }
}

internal import OCICore
public import SystemPackage

/// Several images, one a platform, as a small file that names their descriptions.
extension AssembledIndex {
  /// What the member `schema` says.
  public static let schema = "flywheel-index-1"

  /// Whether a file is the description of an index, and not of an image.
  /// - Throws: `AssemblyError.Code.fileUnreadable`.
  public static func isDescribed(by path: FilePath) throws(AssemblyError) -> Bool {
    do {
      let bytes = try FileSystem.contents(of: path, limit: ImageDescription.sizeLimit)
      return try JSON(parsing: bytes, valueLimit: .max).objectValue?["schema"]?.stringValue?.hasPrefix("flywheel-index")
        ?? false
    } catch {
      // What is no JSON is told by who reads it.
      guard error.code == .ioFailure else { return false }
      throw AssemblyError(.fileUnreadable, "image description: \(error.message)")
    }
  }

  /// Writes a description that names the images' own.
  /// - Parameters:
  ///   - path: The file, which is replaced if it is there.
  ///   - files: The images' descriptions, in the order of `images`.
  /// - Throws: `AssemblyError`, or `OCIError.Code.ioFailure`.
  public func writeDescription(to path: FilePath, images files: [FilePath]) async throws {
    let paths = DescribedPaths(directory: path.removingLastComponent())
    var object: JSON.Object = [
      "schema": .string(Self.schema), "digest": .string(descriptor.digest.description), "index": index.json,
    ]
    object["images"] = .array(
      try zip(images, files).map { image, file in
        .object([
          "platform": .string(image.configuration.platform.description),
          "digest": .string(image.descriptor.digest.description), "description": .string(try paths.written(file)),
        ])
      })
    let text = JSON.object(object).prettyText
    try await IOExecutor.run { try FileSystem.replace(path, with: Array((text + "\n").utf8)) }
  }

  /// Reads a description, and those of its images.
  /// - Throws: As `AssembledImage.init(descriptionFile:cache:base:)`.
  public init(
    descriptionFile path: FilePath, cache: LayerDigestCache? = nil, base: @escaping BaseFinder = AssembledImage.noBase
  ) throws(AssemblyError) {
    do {
      let bytes = try FileSystem.contents(of: path, limit: ImageDescription.sizeLimit)
      var fields = try FieldReader(try JSON(parsing: bytes, valueLimit: .max), path: "index")
      guard try fields.string("schema") == Self.schema else {
        throw AssemblyError(.unsupportedDescription, "its schema is not '\(Self.schema)'")
      }
      let digest = try fields.required("digest") { (fields, name) throws(OCIError) in try fields.digest(name) }
      let document = try fields.required("index") { (fields, name) throws(OCIError) in try fields.value(name) }
      let index = try ImageIndex(document)
      let paths = DescribedPaths(directory: path.removingLastComponent())
      var images: [AssembledImage] = []
      for (place, item) in (try fields.list("images") ?? []).enumerated() {
        var fields = try FieldReader(item, path: "index.images[\(place)]")
        _ = try fields.string("platform")
        let digest = try fields.digest("digest")
        let file = try fields.required("description") { (fields, name) throws(OCIError) in try fields.string(name) }
        let image = try AssembledImage(descriptionFile: paths.read(file), cache: cache, base: base)
        guard image.descriptor.digest == digest else {
          throw fields.error("description", "is that of another image; build the index again")
        }
        images.append(image)
        try fields.requireNothingElse()
      }
      try fields.requireNothingElse()
      let entries = Dictionary(
        index.manifests.compactMap { entry in entry.platform.map { ("\($0)", entry.annotations) } }
      ) { $1 }
      try self.init(images, annotations: index.annotations, entries: entries)
      guard descriptor.digest == digest else {
        throw OCIError(.invalidDocument, "index.digest is not that of the images together; build the index again")
      }
    } catch let error as AssemblyError {
      throw AssemblyError(error.code, "index description '\(path)': \(error.message)")
    } catch let error as OCIError where error.code == .ioFailure {
      throw AssemblyError(.fileUnreadable, "index description: \(error.message)")
    } catch {
      throw AssemblyError(.invalidDescription, "index description '\(path)': \(error)")
    }
  }
}

internal import SystemPackage

extension ImageDirectory {
  typealias Image = (descriptor: Descriptor, bytes: [UInt8])

  static let version = "Directory Transport Version: 1.1\n"

  var versionPath: FilePath { path.appending("version") }
  var manifestPath: FilePath { path.appending("manifest.json") }

  /// Where content is; of a manifest, unless it is the image.
  /// - Throws: `OCIError.Code.unsupportedAlgorithm` for a digest whose text could be any name.
  func file(of descriptor: Descriptor) throws(OCIError) -> FilePath {
    _ = try descriptor.digest.requireHashFunction()
    return path.appending(descriptor.digest.encoded + (descriptor.mediaType.isManifest ? Self.manifestSuffix : ""))
  }

  /// Whether a file of this name belongs to an image, ours or skopeo's: blobs, manifests, signatures, unfinished files.
  static func isPart(_ name: String) -> Bool {
    if FileSystem.isTemporary(name) || name.hasPrefix("signature-") { return true }
    let digits = name.prefix { $0 != "." }
    guard Digest.HashFunction.allCases.contains(where: { (try? Digest("\($0.rawValue):\(digits)")) != nil }) else {
      return false
    }
    let rest = name.dropFirst(digits.count)
    return rest.isEmpty || rest == manifestSuffix || rest.hasPrefix(".signature-")
  }

  private static let manifestSuffix = ".manifest.json"

  /// The manifest that is the image; `nil` where there is none.
  func readImage() throws(OCIError) -> Image? {
    guard try isImageDirectory(), try FileSystem.fileSize(manifestPath) != nil else { return nil }
    do throws(OCIError) {
      let bytes = try FileSystem.contents(of: manifestPath, limit: ImageManifest.sizeLimit)
      return (Descriptor(mediaType: try AnyManifest.mediaType(of: bytes), describing: bytes), bytes)
    } catch {
      throw OCIError(error.code, "'\(manifestPath)': \(error.message)")
    }
  }

  /// Whether the directory is one for an image; `false` where there is nothing, or nothing in it.
  /// - Throws: `OCIError` where there is something else: `invalidDocument`, or for a push `ioFailure`, as it cannot be written.
  func isImageDirectory() throws(OCIError) -> Bool {
    let code: OCIError.Code = isWriter ? .ioFailure : .invalidDocument
    guard FileSystem.exists(path) else { return false }
    guard FileSystem.isDirectory(path) else {
      throw OCIError(code, "'\(path)' is a file; name a directory for the image")
    }
    guard try FileSystem.fileSize(versionPath) != nil else {
      guard try FileSystem.names(in: path).allSatisfy(FileSystem.isTemporary) else {
        throw OCIError(
          code,
          "'\(path)' is not empty and has no file 'version', so it is no directory of an image; name another, or a new one"
        )
      }
      return false
    }
    let text = String(decoding: try FileSystem.contents(of: versionPath, limit: 1 << 10), as: UTF8.self)
    guard text.hasPrefix("Directory Transport Version: 1.") else {
      throw OCIError(
        code,
        "'\(versionPath)' does not say 'Directory Transport Version: 1.1', so '\(path)' is no directory of an image; name another"
      )
    }
    return true
  }

  /// - Parameter image: What is the image, for a manifest that may be it.
  func has(_ descriptor: Descriptor, image: Image?) throws(OCIError) -> Bool {
    if descriptor.mediaType.isManifest, let image, image.descriptor.digest == descriptor.digest {
      guard try size(of: manifestPath) != nil else { return false }
      return !descriptor.hasSize || image.descriptor.size == descriptor.size
    }
    guard let size = try size(of: file(of: descriptor)) else { return false }
    return !descriptor.hasSize || size == descriptor.size
  }

  private func size(of file: FilePath) throws(OCIError) -> Int64? {
    guard isWriter else { return try FileSystem.fileSize(file) }
    if case .file(let size) = try FileSystem.kind(of: file) { return size }
    return nil
  }

  /// Opens content.
  /// - Throws: `OCIError.Code.notFound`, naming what is missing.
  func open(_ descriptor: Descriptor) throws(OCIError) -> OpenFile {
    var file = try file(of: descriptor)
    if descriptor.mediaType.isManifest, try readImage()?.descriptor.digest == descriptor.digest { file = manifestPath }
    guard try FileSystem.fileSize(file) != nil else {
      throw OCIError(
        .notFound,
        "image directory '\(path)' has no \(descriptor.mediaType.isManifest ? "manifest" : "blob") \(descriptor.digest)"
      )
    }
    return try OpenFile.reading(file)
  }

  /// The files that a manifest needs, itself left out, and the first that is missing.
  func needs(of image: Descriptor, _ bytes: [UInt8]) throws(OCIError) -> (files: Set<FilePath>, missing: Descriptor?) {
    var files: Set<FilePath> = []
    var missing: Descriptor?
    var pile = [(try AnyManifest(parsing: bytes, as: image.mediaType), 0)]
    while let (manifest, depth) = pile.popLast() {
      for child in manifest.children {
        let file = try file(of: child)
        guard files.insert(file).inserted else { continue }
        guard try has(child, image: nil) else {
          if !child.isElsewhere { missing = missing ?? child }
          continue
        }
        guard child.mediaType.isManifest else { continue }
        guard depth < AnyManifest.maximumDepth else {
          throw OCIError(.limitExceeded, "'\(path)': \(child.digest) is nested more than \(depth) levels deep")
        }
        let bytes = try FileSystem.contents(of: file, limit: ImageManifest.sizeLimit)
        guard (try? child.verify(bytes)) != nil else {
          missing = missing ?? child
          continue
        }
        pile.append((try AnyManifest(parsing: bytes, as: child.mediaType), depth + 1))
      }
    }
    return (files, missing)
  }
}

extension AnyManifest {
  /// What type a manifest is of that nobody described: what it says itself, or else what it looks like.
  /// - Throws: `OCIError`: `invalidJSON`, `invalidMediaType`, or `invalidDocument` for what is no manifest.
  package static func mediaType(of bytes: [UInt8]) throws(OCIError) -> MediaType {
    guard let object = try JSON(parsing: bytes).objectValue else {
      throw OCIError(.invalidDocument, "a manifest must be an object")
    }
    if let text = object["mediaType"]?.stringValue {
      let type = try MediaType(text)
      guard type.isManifest else { throw OCIError(.invalidDocument, "'\(text)' is no manifest's type") }
      return type
    }
    if object["manifests"] != nil { return .imageIndex }
    guard object["config"] != nil else {
      throw OCIError(.invalidDocument, "the manifest has neither a config nor manifests, so it is of no known type")
    }
    return .imageManifest
  }
}

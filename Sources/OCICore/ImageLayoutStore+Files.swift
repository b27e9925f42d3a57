internal import SystemPackage

/// The files of a layout. Nothing here follows a symbolic link below the layout's own directory: a layout may come from
/// anywhere, and a link in it could lead anywhere.
extension ImageLayoutStore {
  var indexPath: FilePath { path.appending("index.json") }
  var markerPath: FilePath { path.appending(ImageLayoutMarker.fileName) }
  var blobsPath: FilePath { path.appending("blobs") }

  /// What `index.json` may have; far more than any registry would take, for layouts that hold thousands of images.
  static let indexLimit = 16 << 20

  func blobPath(_ digest: Digest) -> FilePath {
    blobsPath.appending(digest.algorithm.name).appending(digest.encoded)
  }

  /// Checks that the directories above a blob, where they are there, are directories.
  func requireDirectories(above digest: Digest) throws(OCIError) {
    for directory in [blobsPath, blobsPath.appending(digest.algorithm.name)] {
      switch try FileSystem.kind(of: directory) {
      case nil, .directory: continue
      case .symlink: throw .unsafePath(directory, "a symbolic link")
      case .file, .special: throw .unsafePath(directory, "no directory")
      }
    }
  }

  /// The size of a blob, or `nil` where there is none.
  /// - Throws: `OCIError.Code.unsafePath` for a symbolic link and the like.
  package func blobSize(_ digest: Digest) throws(OCIError) -> Int64? {
    try requireDirectories(above: digest)
    let path = blobPath(digest)
    switch try FileSystem.kind(of: path) {
    case nil: return nil
    case .file(let size): return size
    case .symlink: throw .unsafePath(path, "a symbolic link")
    case .directory, .special: throw .unsafePath(path, "no regular file")
    }
  }

  /// Whether there is a blob of the digest and, where it is known, the size.
  func has(_ descriptor: Descriptor) throws(OCIError) -> Bool {
    guard let size = try blobSize(descriptor.digest) else { return false }
    return !descriptor.hasSize || size == descriptor.size
  }

  /// Opens a blob.
  /// - Throws: `OCIError`: `notFound`, `unsafePath`.
  package func openBlob(_ digest: Digest) throws(OCIError) -> OpenFile {
    try requireDirectories(above: digest)
    do { return try OpenFile.readingRegularFile(blobPath(digest)) } catch {
      guard error.code == .notFound else { throw error }
      throw OCIError(.notFound, "image layout '\(path)' has no blob \(digest)")
    }
  }

  /// Reads a manifest or index, verified.
  /// - Throws: `OCIError`: `notFound`, `unsafePath`, `sizeMismatch`, `digestMismatch`, or what is wrong with the document.
  func readManifest(_ descriptor: Descriptor) throws(OCIError) -> AnyManifest {
    do {
      let bytes = try FileSystem.contents(of: openBlob(descriptor.digest), limit: ImageManifest.sizeLimit)
      try descriptor.verify(bytes)
      return try AnyManifest(parsing: bytes, as: descriptor.mediaType)
    } catch {
      throw OCIError(error.code, "'\(blobPath(descriptor.digest))': \(error.message)")
    }
  }

  func readIndex() throws(OCIError) -> ImageIndex? { try readIndexText()?.index }

  private func readIndexText() throws(OCIError) -> (text: JSON, index: ImageIndex)? {
    do {
      let bytes = try FileSystem.contents(of: OpenFile.readingRegularFile(indexPath), limit: Self.indexLimit)
      let text = try ImageIndex.json(parsing: bytes, limit: Self.indexLimit)
      return (text, try ImageIndex(text))
    } catch {
      if error.code == .notFound { return nil }
      throw OCIError(error.code, "'\(indexPath)': \(error.message)")
    }
  }

  /// Changes `index.json`, which another tool may have written, where the change is and nowhere else; under the lock, so
  /// that two writers see each other's.
  /// - Returns: Whether anything changed.
  @discardableResult
  func editIndex(_ change: (inout ImageIndex) -> Void) throws(OCIError) -> Bool {
    let old = try readIndexText()
    var index = old?.index ?? ImageIndex()
    change(&index)
    guard index != old?.index else { return false }
    let text = old.map { $0.text.applying(changesFrom: $0.index.json, to: index.json) } ?? index.json
    try FileSystem.replace(indexPath, with: text.canonicalBytes)
    return true
  }

  /// Reads the `oci-layout` file.
  /// - Throws: `OCIError`: `notFound`, or `invalidDocument` for a layout of another version.
  func readMarker() throws(OCIError) -> ImageLayoutMarker {
    do throws(OCIError) {
      let bytes = try FileSystem.contents(
        of: OpenFile.readingRegularFile(markerPath), limit: ImageLayoutMarker.sizeLimit)
      let marker = try ImageLayoutMarker(parsing: bytes)
      if let fault = marker.validate().errors.first { throw OCIError(.invalidDocument, fault.message) }
      return marker
    } catch {
      throw OCIError(error.code, "'\(markerPath)': \(error.message)")
    }
  }
}

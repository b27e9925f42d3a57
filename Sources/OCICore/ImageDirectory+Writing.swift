internal import Synchronization
internal import SystemPackage

extension ImageDirectory {
  /// Writes content beside its place, verifies it, waits for the disk, and renames it.
  public func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
    try await IOExecutor.run { [self] in
      let target = try file(of: descriptor)
      try prepare()
      let temporary = FileSystem.temporarySibling(of: target)
      do {
        let file = try OpenFile.creating(temporary)
        for try await chunk in try await source.open().verified(as: descriptor) {
          try Task.checkCancellation()
          try file.write(chunk.span)
        }
        try file.synchronize()
        let isNew = try !FileSystem.existsWithoutFollowing(target)
        try FileSystem.rename(temporary, to: target)
        if isNew { session.withLock { $0.newFiles.append(target) } }
      } catch {
        FileSystem.removeFile(temporary)
        throw error
      }
    }
  }

  /// Makes a manifest, whose blobs are there, the image, whatever the tags, and removes what only the former one needed.
  /// - Throws: `OCIError`: `notFound` for a missing blob, `invalidDocument` for a manifest that is about the image which is
  ///   there, such as a signature.
  public func publish(_ manifest: Descriptor, bytes: [UInt8], tags: [String]) async throws {
    try manifest.verify(bytes)
    let document = try AnyManifest(parsing: bytes, as: manifest.mediaType)
    try await IOExecutor.run { [self] in
      _ = try file(of: manifest)
      try prepare()
      // Two processes may publish into one directory: the second must not believe in blobs that the first removes.
      let directory = try OpenFile.reading(path)
      try directory.lock(exclusive: true)
      // What cannot be read is replaced.
      let old = try? readImage()
      if let subject = document.subject?.digest, subject == old?.descriptor.digest {
        throw OCIError(
          .invalidDocument,
          "'\(path)' holds one image, so \(manifest.digest), which is about it, has no place there; put it into a layout or a registry"
        )
      }
      if let old, manifest.mediaType.isIndex, old.descriptor.digest != manifest.digest {
        // The index may list it, and then it was there already.
        let file = try file(of: old.descriptor)
        try FileSystem.replace(file, with: old.bytes)
        session.withLock { $0.newFiles.append(file) }
      }
      let (files, missing) = try needs(of: manifest, bytes)
      if let missing {
        throw OCIError(.notFound, "image directory '\(path)' lacks \(missing.digest) of \(manifest.digest)")
      }
      try directory.synchronize()
      try FileSystem.replace(versionPath, with: Array(Self.version.utf8))
      try FileSystem.replace(manifestPath, with: bytes)
      for name in try FileSystem.names(in: path) where Self.isPart(name) && !files.contains(path.appending(name)) {
        FileSystem.removeFile(path.appending(name))
      }
      try directory.synchronize()
      for directory in session.withLock(\.newDirectories) {
        let parent = directory.removingLastComponent()
        try OpenFile.reading(parent.isEmpty ? "." : parent).synchronize()
      }
      session.withLock { $0 = Session() }
    }
  }

  /// Removes what was written since the last `publish`, unless another process has published meanwhile.
  public func rollBack() async {
    _ = try? await IOExecutor.run { [self] in
      let ended = session.withLock { session in
        defer { session = Session() }
        return session
      }
      guard ended.isPrepared else { return }
      let directory = try OpenFile.reading(path)
      try directory.lock(exclusive: true)
      let image = try? readImage()?.descriptor.digest
      guard image == ended.firstImage else { return }
      for file in ended.newFiles { FileSystem.removeFile(file) }
      for directory in ended.newDirectories.reversed() { FileSystem.removeEmptyDirectory(directory) }
    }
  }

  /// Makes sure that the directory is there and ours to write to; marked at once, so that one that was left unfinished can be
  /// written to again.
  private func prepare() throws(OCIError) {
    // One at a time: to another blob of the same push a directory that is not marked yet looks like somebody else's.
    try preparation.withLock { (_) throws(OCIError) in try prepareAlone() }
  }

  private func prepareAlone() throws(OCIError) {
    if session.withLock(\.isPrepared) { return }
    let isMarked = try isImageDirectory()
    let first = try? readImage()?.descriptor.digest
    let created = isMarked ? [] : try FileSystem.createDirectories(path)
    if !isMarked { try FileSystem.replace(versionPath, with: Array(Self.version.utf8)) }
    session.withLock { session in
      session.newDirectories += created
      if !isMarked { session.newFiles.append(versionPath) }
      guard !session.isPrepared else { return }
      session.isPrepared = true
      session.firstImage = first
    }
  }
}

internal import Synchronization
package import SystemPackage

extension ImageLayoutStore {
  /// Writes a blob beside its place, verifies it, waits for the disk, and renames it.
  public func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
    try await IOExecutor.run { [self] in
      try prepare()
      _ = try descriptor.digest.requireHashFunction()
      let temporary = FileSystem.temporarySibling(of: blobPath(descriptor.digest))
      do {
        try makeDirectory(for: descriptor)
        let file = try OpenFile.creating(temporary)
        for try await chunk in try await source.open().verified(as: descriptor) {
          try Task.checkCancellation()
          try file.write(chunk.span)
        }
        try file.synchronize()
        try place(temporary, as: descriptor)
      } catch {
        FileSystem.removeFile(temporary)
        throw error
      }
    }
  }

  /// A path in the layout for a file that `adopt` may take in.
  package func uploadPath() async throws -> FilePath {
    try await IOExecutor.run { [self] in
      try prepare()
      return FileSystem.temporarySibling(of: blobsPath.appending("sha256").appending("upload"))
    }
  }

  /// Takes in a file at `uploadPath` whose content the caller has verified.
  package func adopt(_ file: FilePath, as descriptor: Descriptor) async throws {
    try await IOExecutor.run { [self] in
      try prepare()
      try makeDirectory(for: descriptor)
      try OpenFile.reading(file).synchronize()
      try place(file, as: descriptor)
    }
  }

  /// Writes a manifest whose blobs are there and enters it, under each tag, into `index.json`.
  public func publish(_ manifest: Descriptor, bytes: [UInt8], tags: [String]) async throws {
    for tag in tags { try Self.validate(name: tag) }
    // Also where the manifest is there already: its bytes may be damaged.
    try await push(manifest, from: BlobSource(bytes))
    try await IOExecutor.run { [self] in
      try prepare()
      let written = session.withLock { Set($0.newBlobs.map { $0.removingLastComponent() }) }
      for directory in written.union([blobPath(manifest.digest).removingLastComponent()]) {
        try OpenFile.reading(directory).synchronize()
      }
      let blobs = try OpenFile.reading(blobsPath)
      try blobs.synchronize()
      // Two processes may publish into one layout: the second must see the first one's index.
      try blobs.lock(exclusive: true)
      if let missing = try firstMissing(of: manifest) {
        throw OCIError(.notFound, "image layout '\(path)' lacks blob \(missing.digest) of \(manifest.digest)")
      }
      try editIndex { $0.enter(manifest, tags) }
      // The marker last: a directory that has it is a layout that can be read.
      if !FileSystem.exists(markerPath) {
        try FileSystem.replace(markerPath, with: ImageLayoutMarker().canonicalBytes)
      }
      for directory in session.withLock(\.newDirectories) {
        let parent = directory.removingLastComponent()
        try OpenFile.reading(parent.isEmpty ? "." : parent).synchronize()
      }
      session.withLock { $0 = Session() }
    }
  }

  /// Removes what was written since the last `publish`, the directories too, unless another process is at work here.
  public func rollBack() async {
    _ = try? await IOExecutor.run { [self] in
      let ended = session.withLock { session in
        defer { session = Session() }
        return session
      }
      // With the lock to ourselves nobody is writing; with the index as it was nobody has published since we began, so
      // nothing needs our blobs. Otherwise they stay, as unreferenced blobs that do no harm.
      guard let lock = ended.lock, lock.tryExclusiveLock() else { return }
      let index = try readIndex()
      guard index == ended.firstIndex else { return }
      for blob in ended.newBlobs { FileSystem.removeFile(blob) }
      if index == nil { removeUnfinishedLayout() }
      for directory in ended.newDirectories.reversed() { FileSystem.removeEmptyDirectory(directory) }
    }
  }

  /// Removes the blobs of a layout that nobody ever published to: those of other failed pushes, and the directories.
  private func removeUnfinishedLayout() {
    for function in Digest.HashFunction.allCases {
      let directory = blobsPath.appending(function.rawValue)
      for name in (try? FileSystem.names(in: directory)) ?? []
      where (try? Digest("\(function.rawValue):\(name)")) != nil {
        FileSystem.removeFile(directory.appending(name))
      }
      FileSystem.removeEmptyDirectory(directory)
    }
    FileSystem.removeEmptyDirectory(blobsPath)
  }

  // MARK: Steps

  private func makeDirectory(for descriptor: Descriptor) throws(OCIError) {
    let directory = blobPath(descriptor.digest).removingLastComponent()
    try requireDirectories(above: descriptor.digest)
    if try FileSystem.createDirectory(directory) { session.withLock { $0.newDirectories.append(directory) } }
  }

  /// Moves a verified file to its place. A blob that was there, perhaps damaged, is not ours to take back.
  private func place(_ file: FilePath, as descriptor: Descriptor) throws(OCIError) {
    let target = blobPath(descriptor.digest)
    let isNew = !FileSystem.exists(target)
    try FileSystem.rename(file, to: target)
    if isNew { session.withLock { $0.newBlobs.append(target) } }
  }

  /// Makes sure that blobs can be written, and that the directory is ours to write to.
  private func prepare() throws(OCIError) {
    if session.withLock({ $0.lock != nil }) { return }
    try requireLayoutOrNothing()
    try requireDirectories(above: .of([]))
    while true {
      let created = try FileSystem.createDirectories(blobsPath.appending("sha256"))
      session.withLock { $0.newDirectories += created }
      let lock = try OpenFile.reading(path)
      try lock.lock(exclusive: false)
      // Another process may have taken back its own failed push, directories and all, before we had the lock.
      guard FileSystem.isDirectory(blobsPath.appending("sha256")) else { continue }
      let index = try readIndex()
      session.withLock { session in
        guard session.lock == nil else { return }
        session.lock = lock
        session.firstIndex = index
      }
      return
    }
  }

  /// A directory may be absent, empty, a layout, or one that is being written for the first time: `blobs` alone.
  private func requireLayoutOrNothing() throws(OCIError) {
    guard FileSystem.exists(path) else { return }
    guard FileSystem.isDirectory(path) else {
      throw OCIError(.ioFailure, "'\(path)' is a file; name a directory for the image layout")
    }
    if try FileSystem.kind(of: markerPath) != nil {
      _ = try readMarker()
      return
    }
    guard try FileSystem.names(in: path).allSatisfy({ $0 == "blobs" || FileSystem.isTemporary($0) }) else {
      throw OCIError(
        .ioFailure,
        "'\(path)' is not empty and not an OCI image layout; name a new directory, or one that holds an oci-layout file"
      )
    }
  }
}

extension ImageLayoutStore {
  /// Makes sure that the directory is a layout, or may become one.
  /// - Throws: `OCIError`: `ioFailure` for something else, `invalidDocument` for a layout of another version.
  public func requireUsable() async throws {
    try await IOExecutor.run { [self] in
      try requireLayoutOrNothing()
      _ = try readIndex()
    }
  }

  /// Takes a name from what has it. Blobs stay until `collectGarbage`.
  /// - Returns: Whether anything had the name.
  @discardableResult
  public func untag(_ name: String) async throws -> Bool {
    try await IOExecutor.run { [self] in
      guard try readIndex() != nil else { return false }
      try requireDirectories(above: .of([]))
      let blobs = try OpenFile.reading(blobsPath)
      try blobs.lock(exclusive: true)
      return try editIndex { index in
        index.manifests.removeAll { $0.annotations[AnnotationKey.referenceName] == name }
      }
    }
  }
}

extension ImageIndex {
  /// Names a manifest by each tag, in the place of what had the tag; without tags it is entered once.
  package mutating func enter(_ manifest: Descriptor, _ tags: [String]) {
    if tags.isEmpty, !manifests.contains(where: { $0.digest == manifest.digest }) { manifests.append(manifest) }
    for tag in tags {
      var named = manifest
      named.annotations[AnnotationKey.referenceName] = tag
      let position = manifests.firstIndex { $0.annotations[AnnotationKey.referenceName] == tag }
      if let position { manifests[position] = named } else { manifests.append(named) }
    }
  }
}

internal import SystemPackage

/// What a garbage collection removed, or would remove.
public struct GarbageReport: Sendable, Hashable {
  /// The blobs that nothing refers to, in the order of their digests.
  public var blobs: [Digest] = []
  /// The files that an interrupted write left behind, as paths in the layout, in order.
  public var temporaryFiles: [String] = []
  /// The bytes of all of them.
  public var bytes: Int64 = 0

  /// Creates a report of nothing.
  public init() {}
}

extension ImageLayoutStore {
  /// Removes the blobs that nothing in `index.json` leads to, and what interrupted writes left behind.
  ///
  /// A manifest leads to its config, its layers and its subject, an index to its manifests; a blob that a layer may not
  /// distribute need not be there, nor need a manifest of an index. While another writer has blobs that wait for their
  /// manifest, nothing is removed; nor where a manifest cannot be read, because nobody knows what it leads to. A push that
  /// has asked for blobs and sent none yet may find that they have gone meanwhile; it fails and can be made again.
  /// - Parameters:
  ///   - isDryRun: Whether only to tell what would be removed.
  ///   - patience: How long to wait for other writers.
  /// - Throws: `OCIError`: `busy` when the others are not done in time, `notFound` when there is no layout, or what is wrong
  ///   with it.
  @discardableResult
  public func collectGarbage(isDryRun: Bool = false, patience: Duration = .seconds(10)) async throws -> GarbageReport {
    let deadline = ContinuousClock.now + patience
    while true {
      // Locked and collected without a pause, so that a thread which waits for the lock waits for a thread that works.
      let report = try await IOExecutor.run { [self] () throws -> GarbageReport? in
        _ = try readMarker()
        let lock = try OpenFile.reading(path)
        guard lock.tryExclusiveLock() else { return nil }
        return try withExtendedLifetime(lock) { try collect(isDryRun) }
      }
      if let report { return report }
      guard ContinuousClock.now < deadline else {
        throw OCIError(
          .busy, "image layout '\(path)' is being written to; nothing was removed: try again when the push is done")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private func collect(_ isDryRun: Bool) throws -> GarbageReport {
    guard let index = try readIndex() else {
      throw OCIError(.notFound, "image layout '\(path)' has no index.json, so nothing says what is needed")
    }
    let needed = try reachable(from: index)
    var report = GarbageReport()
    var directories: Set<FilePath> = []
    for (file, digest) in try files() {
      try Task.checkCancellation()
      if let digest, needed.contains(digest) { continue }
      if case .file(let size) = try FileSystem.kind(of: file) { report.bytes += size }
      if let digest {
        report.blobs.append(digest)
      } else {
        report.temporaryFiles.append(name(of: file))
      }
      guard !isDryRun else { continue }
      FileSystem.removeFile(file)
      directories.insert(file.removingLastComponent())
    }
    for directory in directories { try OpenFile.reading(directory).synchronize() }
    report.blobs.sort()
    report.temporaryFiles.sort(by: byteOrder)
    return report
  }

  private func reachable(from index: ImageIndex) throws(OCIError) -> Set<Digest> {
    var needed: Set<Digest> = []
    var roots = index.manifests
    if let subject = index.subject { roots.append(subject) }
    while !roots.isEmpty {
      var subjects: [Descriptor] = []
      try walk(roots) { (descriptor, _) throws(OCIError) in
        guard needed.insert(descriptor.digest).inserted, descriptor.mediaType.isManifest, try has(descriptor) else {
          return false
        }
        if let subject = try readManifest(descriptor).subject { subjects.append(subject) }
        return true
      } damaged: { (descriptor) throws(OCIError) in
        throw OCIError(
          .digestMismatch,
          "image layout '\(path)': manifest \(descriptor.digest) is damaged, so what it needs is unknown; push the image again"
        )
      }
      roots = subjects.filter { !needed.contains($0.digest) }
    }
    return needed
  }

  /// Every blob by its digest, and every temporary file of ours without one. Other files are not ours to touch.
  func files() throws(OCIError) -> [(path: FilePath, digest: Digest?)] {
    var result: [(path: FilePath, digest: Digest?)] = []
    func temporaryFiles(in directory: FilePath, _ names: [String]) {
      for name in names where FileSystem.isTemporary(name) { result.append((directory.appending(name), nil)) }
    }
    temporaryFiles(in: path, try FileSystem.names(in: path))
    guard try FileSystem.kind(of: blobsPath) == .directory else { return result }
    let algorithms = try FileSystem.names(in: blobsPath).sorted(by: byteOrder)
    temporaryFiles(in: blobsPath, algorithms)
    for algorithm in algorithms {
      let directory = blobsPath.appending(algorithm)
      guard try FileSystem.kind(of: directory) == .directory else { continue }
      let names = try FileSystem.names(in: directory).sorted(by: byteOrder)
      temporaryFiles(in: directory, names)
      for name in names {
        if let digest = try? Digest("\(algorithm):\(name)") { result.append((directory.appending(name), digest)) }
      }
    }
    return result
  }

  /// A path in the layout, seen from its directory.
  func name(of file: FilePath) -> String {
    var relative = file
    _ = relative.removePrefix(path)
    return relative.string
  }
}

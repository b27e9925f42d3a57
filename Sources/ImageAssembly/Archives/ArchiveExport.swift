public import OCICore
internal import Synchronization
public import SystemPackage
internal import Tarball

/// An image in a tar of which every byte is fixed before the first is written: for files, pipes and daemons.
///
/// Blobs are put in as they are, read one after the other from wherever they are, and verified on the way. The same image
/// under the same names gives the same bytes.
public struct ArchiveExport: Sendable {
  /// What readers the tar is for.
  public enum Form: String, Sendable, Hashable, CaseIterable {
    /// An image layout, as `podman load`, `skopeo copy oci-archive:` and `ctr images import` take it.
    case oci
    /// What `docker save` writes, as `docker load` of every version and `podman load` take it: one image, no index.
    case docker
    /// Both in one, as Docker writes it from version 25 on.
    case hybrid
  }

  private struct Member: Sendable {
    var name: String
    var size: Int64
    var source: BlobSource
    /// What the bytes have to be, where they come from elsewhere.
    var descriptor: Descriptor?
  }

  private let members: [Member]

  /// How many bytes the tar has.
  public let size: Int64

  /// Prepares an archive: reads manifests, and no layer.
  /// - Parameters:
  ///   - root: The manifest; for `.oci` also an index.
  ///   - store: Where it is; asked again for each blob when the archive is written.
  ///   - form: Whose archive it becomes.
  ///   - names: What the image is called in the archive, as `repository:tag`, with or without a host; without any it is only
  ///     found by its digest.
  /// - Throws: The store's errors; `OCIError.Code.invalidDocument` for an index where Docker's form has no place for one,
  ///   `invalidReference` for a name without a tag.
  public init(_ root: Descriptor, in store: some ContentStore, form: Form, names: [String]) async throws {
    let names = try names.map { try ArchiveName($0) }
    var blobs: [Member] = []
    var seen: Set<Digest> = []
    func add(_ descriptor: Descriptor, _ source: BlobSource) {
      guard seen.insert(descriptor.digest).inserted else { return }
      blobs.append(
        Member(
          name: Self.path(of: descriptor.digest), size: descriptor.size, source: source, descriptor: descriptor))
    }
    func visit(_ descriptor: Descriptor, depth: Int) async throws {
      let (manifest, bytes) = try await store.manifest(descriptor)
      if form != .docker { add(descriptor, BlobSource(bytes)) }
      for child in manifest.children where !child.isElsewhere {
        if child.mediaType.isManifest {
          guard depth < AnyManifest.maximumDepth else {
            throw OCIError(.limitExceeded, "indexes are nested too deeply")
          }
          try await visit(child, depth: depth + 1)
        } else {
          guard child.hasSize else {
            throw OCIError(.invalidDocument, "the size of blob \(child.digest) is not known, and a tar must say it")
          }
          add(child, store.source(of: child))
        }
      }
    }
    var documents: [Member] = []
    func add(_ name: String, _ bytes: [UInt8]) {
      documents.append(Member(name: name, size: Int64(bytes.count), source: BlobSource(bytes)))
    }
    if form != .docker {
      add("oci-layout", ImageLayoutMarker().canonicalBytes)
      add("index.json", Self.index(of: root, names).canonicalBytes)
    }
    if form != .oci {
      guard case .manifest(let manifest) = try await store.manifest(root).manifest else {
        throw OCIError(
          .invalidDocument,
          "\(root.digest) is an index, and Docker's archives hold one image; choose a platform, or an OCI archive")
      }
      add("manifest.json", Self.dockerManifest(manifest, names).canonicalBytes)
    }
    try await visit(root, depth: 0)
    members = documents + blobs
    var size = Int64(PlainMember.end.count)
    for member in members {
      guard member.size >= 0, member.size < 1 << 60, size < 1 << 61 else {
        throw OCIError(.limitExceeded, "'\(member.name)' would have \(member.size) bytes, more than any archive holds")
      }
      size += Int64(try PlainMember.header(member.name, size: member.size).count) + member.size
      size += Int64(PlainMember.padding(after: member.size))
    }
    self.size = size
  }

  private static func path(of digest: Digest) -> String { "blobs/\(digest.algorithm)/\(digest.hex)" }

  private static func index(of root: Descriptor, _ names: [ArchiveName]) -> ImageIndex {
    var plain = root
    plain.annotations[AnnotationKey.referenceName] = nil
    guard !names.isEmpty else { return ImageIndex(manifests: [plain]) }
    return ImageIndex(
      manifests: names.map { name in
        var entry = plain
        // The whole, as podman writes it and takes it; a tag alone it would take for a name.
        entry.annotations[AnnotationKey.referenceName] = name.given
        // containerd takes the whole name from here.
        entry.annotations[AnnotationKey.containerdImageName] = name.full
        return entry
      })
  }

  private static func dockerManifest(_ manifest: ImageManifest, _ names: [ArchiveName]) -> JSON {
    .array([
      .object([
        "Config": .string(path(of: manifest.config.digest)), "RepoTags": .strings(names.map(\.given)),
        "Layers": .strings(manifest.layers.map { path(of: $0.digest) }),
      ])
    ])
  }

  /// The tar, from its beginning, as often as it is asked for.
  public var source: BlobSource {
    BlobSource { [members] in
      let parts = ArchiveParts(
        try members.map { member in
          (try PlainMember.header(member.name, size: member.size), member.source, member.descriptor, member.size)
        })
      return ByteStream { try await parts.next() }
    }
  }

  /// Writes the tar to a file, whole or not at all.
  /// - Parameters:
  ///   - path: The file, which is replaced if it is there.
  ///   - onBytes: Told how many bytes have been written.
  /// - Throws: As `init`; `OCIError.Code.ioFailure`.
  public func write(to path: FilePath, onBytes: @escaping @Sendable (Int64) -> Void = { _ in }) async throws {
    let temporary = FileSystem.temporarySibling(of: path)
    do {
      let file = try await IOExecutor.run { try OpenFile.creating(temporary) }
      var count: Int64 = 0
      for try await chunk in try await source.open() {
        try await IOExecutor.run { try file.write(chunk.span) }
        count += Int64(chunk.count)
        onBytes(count)
      }
      try await IOExecutor.run {
        try file.synchronize()
        try FileSystem.rename(temporary, to: path)
      }
    } catch {
      _ = try? await IOExecutor.run { FileSystem.removeFile(temporary) }
      throw error
    }
  }
}

/// A name in an archive.
private struct ArchiveName {
  /// With its host.
  let full: String
  /// As it was given: Docker adds what it leaves out, podman takes a name without a host for one of its own.
  let given: String

  init(_ text: String) throws(OCIError) {
    let reference = try ImageReference(text)
    guard let tag = reference.tag, reference.digest == nil else {
      throw OCIError(.invalidReference, "'\(text)' names no tag; an archive needs NAME:TAG")
    }
    full = "\(reference.host)/\(reference.repository):\(tag)"
    given = text
  }
}

/// Gives the parts of a tar one after the other.
private actor ArchiveParts {
  typealias Part = (header: [UInt8], source: BlobSource, descriptor: Descriptor?, size: Int64)

  private var rest: ArraySlice<Part>
  private var current: ByteStream.AsyncIterator?
  private var size: Int64 = 0
  private var isDone = false

  init(_ parts: [Part]) { rest = parts[...] }

  func next() async throws -> [UInt8]? {
    if let current {
      if let chunk = try await current.next() { return chunk }
      self.current = nil
      let padding = PlainMember.padding(after: size)
      if padding > 0 { return [UInt8](repeating: 0, count: padding) }
    }
    guard let part = rest.popFirst() else {
      defer { isDone = true }
      return isDone ? nil : PlainMember.end
    }
    let stream = try await part.source.open()
    current = (part.descriptor.map { stream.verified(as: $0) } ?? stream).makeAsyncIterator()
    size = part.size
    return part.header
  }
}

public import OCICore
public import SystemPackage
public import Tarball

/// Remembers what the bytes of layers are called and what is in them, in a directory that many processes may share.
///
/// Digests are remembered of recipes made of valid store paths alone, because a store path's name stands for its content.
/// What is in a layer is remembered of every layer, by its diffID, to say which file differs when one does. Entries are files,
/// written whole or not at all; a damaged one counts as absent, and those that were used longest ago go when there is too much.
public struct LayerDigestCache: LayerCache {
  private let directory: FilePath
  private let sizeLimit: Int64
  private let canRead: Bool
  /// Who may know store paths that this machine lacks.
  private var substitute: (any TreeSubstitute)?

  /// Creates a cache in a directory, which is made when it is first written to.
  /// - Parameters:
  ///   - directory: Where it is, for instance `flywheel` in the user's directory for caches.
  ///   - sizeLimit: The most bytes of all files together.
  public init(directory: FilePath, sizeLimit: Int64 = 1 << 30) {
    self.init(directory: directory, sizeLimit: sizeLimit, canRead: true)
  }

  private init(directory: FilePath, sizeLimit: Int64, canRead: Bool) {
    self.directory = directory
    self.sizeLimit = sizeLimit
    self.canRead = canRead
  }

  /// The same cache, which answers no question about digests.
  var writeOnly: LayerDigestCache {
    LayerDigestCache(directory: directory, sizeLimit: sizeLimit, canRead: false).trusting(substitute)
  }

  /// The same cache, for which a store path that a substitute has signed is as good as one that is registered.
  func trusting(_ substitute: (any TreeSubstitute)?) -> LayerDigestCache {
    var result = self
    result.substitute = substitute
    return result
  }

  /// Whether a source is a path in `/nix/store` by a store's naming rule and looks like one that Nix registered: its time
  /// is 1 and nobody may write to it. A path that is still being built does not. One that is not on this machine is admitted
  /// where a binary cache has it with a signature that counts.
  public func admits(_ source: LayerRecipe.Source) -> Bool {
    let components = source.host.components.map(\.string)
    // Links may lead out of the store.
    guard source.host.isAbsolute, !source.followsLinks, components.count >= 3, components[0] == "nix",
      components[1] == "store", Self.isStoreName(components[2])
    else { return false }
    let path = FilePath("/nix/store/\(components[2])")
    return FileSystem.looksRegistered(path) || !FileSystem.exists(path) && substitute?.isImmutable(path) ?? false
  }

  /// The digests of a layer, if they are known.
  public func digests(for fingerprint: String) -> LayerDigests? {
    let path = path(fingerprint)
    guard canRead, let bytes = try? FileSystem.contents(of: path, limit: 4096),
      let json = try? JSON(parsing: bytes), var fields = try? FieldReader(json, path: "cache"),
      let diffID = try? fields.digest("diffID"), let digest = try? fields.digest("digest"),
      let size = try? fields.integer("size"), let uncompressedSize = try? fields.integer("uncompressedSize")
    else { return nil }
    FileSystem.touch(path)
    return LayerDigests(diffID: diffID, digest: digest, size: size, uncompressedSize: uncompressedSize)
  }

  /// Remembers digests; a cache that cannot be written to costs time, not the image.
  public func store(_ digests: LayerDigests, for fingerprint: String) {
    var object = JSON.Object()
    object["diffID"] = .string(digests.diffID.description)
    object["digest"] = .string(digests.digest.description)
    object["size"] = .integer(digests.size)
    object["uncompressedSize"] = .integer(digests.uncompressedSize)
    write(path(fingerprint), JSON.object(object).canonicalBytes)
  }

  /// Drops what is remembered of a recipe.
  func forget(_ recipe: LayerRecipe, _ encoding: LayerEncoding) async throws {
    try await IOExecutor.run { FileSystem.removeFile(path(recipe.fingerprint(encoding: encoding))) }
  }

  // MARK: Blobs

  /// Remembers what tar is in a blob that was made here.
  func store(diffID: Digest, ofBlob digest: Digest) { write(blobPath(digest), Array(diffID.description.utf8)) }

  /// The digest of the tar in a blob, if the blob was made here.
  func diffID(ofBlob digest: Digest) -> Digest? {
    let path = blobPath(digest)
    guard let bytes = try? FileSystem.contents(of: path, limit: 1024),
      let diffID = try? Digest(String(decoding: bytes, as: UTF8.self))
    else { return nil }
    FileSystem.touch(path)
    return diffID
  }

  private func blobPath(_ digest: Digest) -> FilePath { directory.appending("blob-\(digest.hex).txt") }

  // MARK: Platforms

  /// Remembers for what the programs among immutable sources are, because with many of them looking takes longer than all else.
  func store(_ platform: Platform, for question: String) {
    write(platformPath(question), Array(platform.description.utf8))
  }

  /// For what they are, if that is known.
  func platform(for question: String) -> Platform? {
    guard let bytes = try? FileSystem.contents(of: platformPath(question), limit: 1024) else { return nil }
    return try? Platform(String(decoding: bytes, as: UTF8.self))
  }

  private func platformPath(_ question: String) -> FilePath {
    directory.appending("platform-\(Digest.of(Array(question.utf8)).hex).txt")
  }

  // MARK: What is in layers

  /// Always: that is what tells people which file differs.
  public var wantsListings: Bool { true }

  /// Remembers what is in a layer.
  public func store(_ listing: LayerListing, for diffID: Digest) {
    write(listingPath(diffID), listing.mtree())
    evict()
  }

  /// What is in the layer of a diffID, if it is known.
  public func listing(of diffID: Digest) -> LayerListing? {
    let path = listingPath(diffID)
    guard let bytes = try? FileSystem.contents(of: path, limit: 1 << 30),
      let listing = try? LayerListing(parsingMtree: bytes)
    else { return nil }
    FileSystem.touch(path)
    return listing
  }

  // MARK: Files

  private static let prefixes = ["layer-", "listing-", "blob-", "platform-"]

  private func path(_ fingerprint: String) -> FilePath {
    directory.appending("layer-\(Digest.of(Array(fingerprint.utf8)).hex).json")
  }

  private func listingPath(_ diffID: Digest) -> FilePath { directory.appending("listing-\(diffID.hex).mtree") }

  private func write(_ path: FilePath, _ bytes: [UInt8]) {
    _ = try? FileSystem.createDirectories(directory)
    try? FileSystem.replace(path, with: bytes, isDurable: false)
  }

  /// Removes what was used longest ago, down to three quarters of the limit. Others may do the same at the same time.
  private func evict() {
    guard let names = try? FileSystem.names(in: directory) else { return }
    var files: [(path: FilePath, size: Int64, time: Int64)] = []
    for name in names where Self.prefixes.contains(where: name.hasPrefix) || FileSystem.isTemporary(name) {
      let path = directory.appending(name)
      // What another process is writing is young, and what one has left behind goes with the rest.
      if let (size, time) = FileSystem.sizeAndTime(path) { files.append((path, size, time)) }
    }
    var total = files.reduce(0) { $0 + $1.size }
    guard total > sizeLimit else { return }
    for file in files.sorted(by: { $0.time < $1.time }) where total > sizeLimit / 4 * 3 {
      FileSystem.removeFile(file.path)
      total -= file.size
    }
  }

  private static func isStoreName(_ name: String) -> Bool {
    let hash = name.utf8.prefix(32)
    return hash.count == 32 && name.utf8.dropFirst(32).first == UInt8(ascii: "-")
      && hash.allSatisfy { "0123456789abcdfghijklmnpqrsvwxyz".utf8.contains($0) }
  }
}

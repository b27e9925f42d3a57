internal import OCICore
public import SystemPackage
public import Tarball

/// Remembers what the bytes of immutable layers are called, so that an unchanged layer is not read again.
///
/// Only recipes made of valid store paths are remembered: a store path's name stands for its content. Entries are small
/// files, written whole or not at all; a damaged one counts as absent.
public struct LayerDigestCache: LayerCache {
  private let directory: FilePath

  /// Creates a cache in a directory, which is made when it is first written to.
  public init(directory: FilePath) { self.directory = directory }

  /// Whether a source is a path in `/nix/store` by a store's naming rule and looks like one that Nix registered: its time
  /// is 1 and nobody may write to it. A path that is still being built does not.
  public func admits(_ source: LayerRecipe.Source) -> Bool {
    let components = source.host.components.map(\.string)
    guard source.host.isAbsolute, components.count >= 3, components[0] == "nix", components[1] == "store",
      Self.isStoreName(components[2])
    else { return false }
    return FileSystem.looksRegistered(FilePath("/nix/store/\(components[2])"))
  }

  /// The digests of a layer, if they are known.
  public func digests(for fingerprint: String) -> LayerDigests? {
    guard let bytes = try? FileSystem.contents(of: path(fingerprint), limit: 4096),
      let json = try? JSON(parsing: bytes), var fields = try? FieldReader(json, path: "cache"),
      let diffID = try? fields.digest("diffID"), let digest = try? fields.digest("digest"),
      let size = try? fields.integer("size"), let uncompressedSize = try? fields.integer("uncompressedSize")
    else { return nil }
    return LayerDigests(diffID: diffID, digest: digest, size: size, uncompressedSize: uncompressedSize)
  }

  /// Remembers digests; a cache that cannot be written to costs time, not the image.
  public func store(_ digests: LayerDigests, for fingerprint: String) {
    var object = JSON.Object()
    object["diffID"] = .string(digests.diffID.description)
    object["digest"] = .string(digests.digest.description)
    object["size"] = .integer(digests.size)
    object["uncompressedSize"] = .integer(digests.uncompressedSize)
    _ = try? FileSystem.createDirectories(directory)
    try? FileSystem.replace(path(fingerprint), with: JSON.object(object).canonicalBytes, isDurable: false)
  }

  /// Drops what is remembered of a recipe.
  func forget(_ recipe: LayerRecipe, _ encoding: LayerEncoding) async throws {
    try await IOExecutor.run { FileSystem.removeFile(path(recipe.fingerprint(encoding: encoding))) }
  }

  private func path(_ fingerprint: String) -> FilePath {
    directory.appending("layer-\(Digest.of(Array(fingerprint.utf8)).hex).json")
  }

  private static func isStoreName(_ name: String) -> Bool {
    let hash = name.utf8.prefix(32)
    return hash.count == 32 && name.utf8.dropFirst(32).first == UInt8(ascii: "-")
      && hash.allSatisfy { "0123456789abcdfghijklmnpqrsvwxyz".utf8.contains($0) }
  }
}

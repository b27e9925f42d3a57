import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// The image below.
struct BaseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The image to build on: docker://HOST/REPOSITORY:TAG, oci:DIR:TAG, oci-archive:FILE:TAG or dir:DIR, each also with @DIGEST.",
      valueName: "image"), completion: .file())
  var base: String?

  @Option(
    help: ArgumentHelp(
      "A file that says which digests the names of bases stand for; see flywheel lock.", valueName: "file"),
    completion: .file())
  var lockFile: String?

  func location() throws -> Location? { try base.map { try Location($0) } }

  /// Reads the base image's documents.
  func image(_ client: RegistryClient, platform: Platform?) async throws -> BaseImage? {
    guard let base else { return nil }
    let lock = try lockFile.map { try BaseLock(file: FilePath($0)) }
    let pinned = lock?.digests[base]
    if lock != nil, pinned == nil, try !Location(base).isPinned {
      throw AssemblyError(
        .invalidSettings,
        "the lock file '\(lockFile ?? "")' does not have the base '\(base)'; add it with: flywheel lock --lock-file \(lockFile ?? "") '\(base)'"
      )
    }
    return try await Self.image(base, pinned: pinned, client, platform: platform)
  }

  static func image(
    _ name: String, pinned: Digest? = nil, _ client: RegistryClient, platform: Platform?
  ) async throws -> BaseImage {
    let location = try Location(name)
    let store = try location.store(client)
    let place = pinned.map { location.pinned(to: $0) } ?? location
    let root = try await place.root(in: store)
    return try await BaseImage(root, in: store, name: name, platform: platform)
  }
}

extension Location {
  /// The same place, by digest.
  func pinned(to digest: Digest) -> Location {
    switch self {
    case .layout(let path, _): .layout(path, name: .digest(digest))
    case .archive(let path, _): .archive(path, name: .digest(digest))
    case .directory(let path, _): .directory(path, digest: digest)
    case .registry(let reference): .registry(reference.withDigest(digest))
    }
  }
}

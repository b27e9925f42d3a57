public import OCICore
public import SystemPackage
internal import Tarball

/// A binary cache of Nix: a directory or a web server with a `.narinfo` file and an archive for each store path.
public struct BinaryCache: Sendable {
  /// Gives a file of the cache by its path below it; `nil` where there is none.
  public typealias Files = @Sendable (_ path: String) async throws -> ByteStream?

  /// What it is called in messages, such as its address.
  public let name: String
  /// Whose signatures count.
  public var trustedKeys: [TrustedKey]
  /// Whether store paths are taken that nobody has signed whose signature counts.
  public var allowsUnsigned: Bool
  private let files: Files

  /// A cache anywhere.
  public init(
    _ name: String, trustedKeys: [TrustedKey] = [], allowsUnsigned: Bool = false, files: @escaping Files
  ) {
    self.name = name
    self.trustedKeys = trustedKeys
    self.allowsUnsigned = allowsUnsigned
    self.files = files
  }

  /// A cache in a directory, as `nix copy --to file:///directory` makes it.
  public init(directory: FilePath, trustedKeys: [TrustedKey] = [], allowsUnsigned: Bool = false) {
    self.init("file://\(directory)", trustedKeys: trustedKeys, allowsUnsigned: allowsUnsigned) { path in
      try await IOExecutor.run {
        let place = directory.appending(FilePath(path).components)
        guard FileSystem.exists(place) else {
          guard FileSystem.isDirectory(directory) else {
            throw AssemblyError(
              .fileUnreadable, "the binary cache '\(directory)' is no directory; correct the path, or mount it")
          }
          return nil
        }
        let file = try OpenFile.reading(place)
        return ByteStream { try await IOExecutor.run { try file.read(upTo: 256 << 10) }.nonEmpty }
      }
    }
  }

  /// What the cache says of a store path; `nil` where it does not have it.
  /// - Throws: `AssemblyError.Code.invalidBinaryCache` or `untrustedStorePath`, naming path and cache; what the files throw.
  func narInfo(of path: StorePath) async throws -> NarInfo? {
    guard let stream = try await files("\(path.hash).narinfo") else { return nil }
    let info: NarInfo
    do { info = try NarInfo(parsing: try await stream.collect(upTo: NarInfo.sizeLimit)) } catch let error
      as AssemblyError
    {
      throw AssemblyError(
        error.code, "'\(path.path)' in the binary cache \(name): \(path.hash).narinfo: \(error.message)")
    }
    guard info.storePath == path.path.string else {
      throw AssemblyError(
        .invalidBinaryCache,
        "the binary cache \(name) answers with '\(info.storePath)' when it is asked for '\(path.path)'; leave it out, or correct the path"
      )
    }
    guard allowsUnsigned || info.isSigned(by: trustedKeys) else { throw untrusted(info) }
    return info
  }

  private func untrusted(_ info: NarInfo) -> AssemblyError {
    let trusted = Set(trustedKeys.map(\.name))
    let signers = info.signatures.map(\.name)
    let why =
      if signers.isEmpty {
        "nobody has signed it"
      } else if signers.contains(where: trusted.contains) {
        "its signature by \(signers.first(where: trusted.contains) ?? "") is wrong: it was changed, or the key is another"
      } else {
        "it is signed by \(signers.joined(separator: ", ")), but trusted \(trusted.isEmpty ? "is nobody" : "are \(trusted.sorted().joined(separator: ", "))")"
      }
    return AssemblyError(
      .untrustedStorePath,
      "'\(info.storePath)' in the binary cache \(name) is not trusted: \(why); name the key of who signs there, or allow what is unsigned"
    )
  }

  /// The archive that goes with it.
  func archive(_ info: NarInfo) -> StoreArchive {
    let source = BlobSource {
      guard let stream = try await files(info.url) else {
        throw AssemblyError(
          .storePathMissing,
          "the binary cache \(name) does not have the archive '\(info.url)' of '\(info.storePath)' although it says so; have it uploaded again, or leave that cache out"
        )
      }
      return checked(stream, info)
    }
    return StoreArchive(
      of: FilePath(info.storePath), source, digest: info.narHash, size: info.narSize, origin: "binary cache \(name)")
  }

  /// The file, compared with what is said of it, where something is.
  private func checked(_ stream: ByteStream, _ info: NarInfo) -> ByteStream {
    guard let hash = info.fileHash, let size = info.fileSize else { return stream }
    let file = stream.verified(as: Descriptor(mediaType: .octetStream, digest: hash, size: size)).makeAsyncIterator()
    return ByteStream {
      do { return try await file.next() } catch let error as OCIError
        where error.code == .digestMismatch || error.code == .sizeMismatch
      {
        throw TarballError(.damaged, "the file '\(info.url)': \(error.message)")
      }
    }
  }
}

extension [UInt8] {
  fileprivate var nonEmpty: [UInt8]? { isEmpty ? nil : self }
}

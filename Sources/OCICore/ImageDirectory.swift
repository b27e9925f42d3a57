internal import Synchronization
public import SystemPackage

/// One image in a directory, as `dir:` of skopeo and podman: `version`, `manifest.json` with the manifest's own bytes, and
/// each blob in a file named by the digits of its digest. An index may be the image; its manifests are in files named by
/// digest and `.manifest.json`.
///
/// The same image gives the same files, those that skopeo writes. Tags mean nothing here: whatever is asked for is the
/// image, and what is published replaces it; a manifest that is only pushed is one of an index. Every file appears by rename, the manifest after the blobs it needs, and what
/// it does not need goes last. Symbolic links to files are followed, as a directory may be made of links; what they lead to
/// has to have the digest.
public final class ImageDirectory: TagStore, ReferrerStore {
  /// The directory.
  public let path: FilePath
  /// Whether this is a view for one push, which takes no symbolic link for a file that is there.
  let isWriter: Bool
  let session = Mutex(Session())
  let preparation = Mutex(())

  struct Session {
    var isPrepared = false
    /// The image that was there first.
    var firstImage: Digest?
    var newFiles: [FilePath] = []
    var newDirectories: [FilePath] = []
  }

  /// Creates a store over a directory, which need not exist yet.
  public convenience init(_ path: FilePath) { self.init(path, isWriter: false) }

  init(_ path: FilePath, isWriter: Bool) {
    self.path = path
    self.isWriter = isWriter
  }

  /// The same directory for one push.
  public func writer() -> ImageDirectory { ImageDirectory(path, isWriter: true) }

  /// The image; `nil` where there is no directory, or none yet in it.
  /// - Throws: `OCIError`: `invalidDocument` for a directory that holds something else, or a manifest that says nothing.
  public func image() async throws -> Descriptor? {
    try await IOExecutor.run { [self] in try readImage()?.descriptor }
  }

  /// The image, whatever the tag; `nil` also where blobs of it are missing, so that a damaged directory is mended by the
  /// next push.
  public func resolve(_ tag: String) async throws -> Descriptor? {
    try await IOExecutor.run { [self] in
      guard let (image, bytes) = try readImage(), try needs(of: image, bytes).missing == nil else { return nil }
      return image
    }
  }

  /// Whether the directory has the content.
  public func exists(_ descriptor: Descriptor) async throws -> Bool {
    try await IOExecutor.run { [self] in try has(descriptor, image: descriptor.mediaType.isManifest ? readImage() : nil)
    }
  }

  /// The content, verified while it is read.
  public func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
    try await source(of: descriptor).open().verified(as: descriptor)
  }

  /// The content from any byte on, not verified.
  public func source(of descriptor: Descriptor) -> BlobSource {
    BlobSource { [self] offset in
      let file = try await IOExecutor.run { [self] in
        let file = try open(descriptor)
        if offset > 0 { try file.seek(to: offset) }
        return file
      }
      return ByteStream(reading: file)
    }
  }

  /// Nothing: there is place for one image, and none for what is about it.
  public func referrers(of subject: Descriptor, artifactType: MediaType?) async throws -> [Descriptor] { [] }
}

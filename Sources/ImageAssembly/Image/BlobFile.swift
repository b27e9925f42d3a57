internal import OCICore
internal import SystemPackage
internal import Tarball

/// A file that is a layer as it is.
struct BlobFile {
  let path: FilePath

  init(_ path: FilePath) { self.path = path }

  /// What its bytes are called, with and without their compression.
  func digests() async throws -> LayerDigests {
    let (digest, size) = try await digest()
    let tar = try await LayerRecipe(verbatimTar: path).digests(encoding: .none)
    return LayerDigests(diffID: tar.diffID, digest: digest, size: size, uncompressedSize: tar.uncompressedSize)
  }

  /// What its bytes are called.
  func digest() async throws -> (digest: Digest, size: Int64) {
    try await IOExecutor.run { [path] in
      let file = try OpenFile.readingRegularFile(path)
      var digester = Digester()
      while true {
        let bytes = try file.read(upTo: 1 << 20)
        if bytes.isEmpty { break }
        digester.update(bytes.span)
      }
      let size = digester.count
      return (digester.finalize(), size)
    }
  }

  var source: BlobSource {
    BlobSource(openingAt: { [path] offset in
      let file = try await IOExecutor.run {
        let file = try OpenFile.readingRegularFile(path)
        try file.seek(to: offset)
        return file
      }
      return ByteStream(reading: file)
    })
  }
}

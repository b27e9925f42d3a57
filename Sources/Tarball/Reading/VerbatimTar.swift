internal import OCICore
public import SystemPackage

/// A tar whose bytes become a layer as they are, whatever it is compressed with.
struct VerbatimTar {
  private let path: FilePath

  init(_ path: FilePath) { self.path = path }

  /// Gives the bytes without their compression. Blocks.
  /// - Throws: `TarballError.Code.invalidArchive` where it is no tar, or ends early.
  func forEachChunk(_ isCancelled: @escaping () -> Bool, _ body: (Span<UInt8>) throws -> Void) throws {
    let input = try ArchiveInput(.file(path), ReadingCancellation())
    let reader = try ArchiveReader(input, limits: .init(), contents: .bytes, isCancelled: isCancelled)
    guard try reader.next() != nil else { throw invalid("is empty") }
    var head: [UInt8] = []
    var count: Int64 = 0
    // An empty tar is zeros and nothing else, as Docker's empty layer.
    var isEmpty = true
    try reader.forEachChunk { chunk in
      let bytes = [UInt8](copying: chunk)
      if head.count < 512 {
        head += bytes.prefix(512 - head.count)
        if head.count == 512, head.contains(where: { $0 != 0 }) {
          isEmpty = false
          if !TarHeader.isSealed(head) { throw invalid("is no tar") }
        }
      }
      if isEmpty, head.count == 512, bytes.contains(where: { $0 != 0 }) { throw invalid("is no tar") }
      count += Int64(bytes.count)
      try body(bytes.span)
    }
    guard count >= 1024, count % 512 == 0 else { throw invalid("is no tar, or was cut short") }
  }

  private func invalid(_ why: String) -> TarballError {
    TarballError(.invalidArchive, "'\(path)' \(why), so it cannot be a layer as it is; have it rewritten instead")
  }
}

extension LayerRecipe {
  /// The tar that is the layer, where there is one.
  /// - Throws: `TarballError.Code.invalidRecipe` where the recipe has anything else.
  var verbatimTar: FilePath? {
    get throws(TarballError) {
      guard let source = sources.first(where: { $0.form == .verbatimTar }) else { return nil }
      guard sources.count == 1, entries.isEmpty, source.rules.isEmpty, source.subtree.components.isEmpty else {
        throw TarballError(
          .invalidRecipe,
          "'\(source.host)' is to be kept to the byte, so nothing else may be in its layer; give it one of its own")
      }
      return source.host
    }
  }

  /// A layer that is a tar as it is, whatever that is compressed with.
  public init(verbatimTar path: FilePath) {
    var source = Source(path, at: "/")
    source.form = .verbatimTar
    self.init([source])
  }
}

internal import OCICore

/// The bytes of a NAR without compression as they come, compared with what was announced when they end.
final class NarBytes {
  private let pull: () throws -> [UInt8]
  private let archive: StoreArchive
  private let onEnd: () -> Void
  private var digester: Digester?
  private var count: Int64 = 0

  /// - Parameter onEnd: Told when all was there and right.
  init(
    _ archive: StoreArchive, onEnd: @escaping () -> Void = {}, _ pull: @escaping () throws -> [UInt8]
  ) throws {
    self.archive = archive
    self.onEnd = onEnd
    self.pull = pull
    digester = Digester(try archive.digest.requireHashFunction())
  }

  /// The next bytes; none at the end.
  func next() throws -> [UInt8] {
    guard digester != nil else { return [] }
    let chunk = try pull()
    if !chunk.isEmpty {
      digester?.update(chunk.span)
      count += Int64(chunk.count)
      guard count <= archive.size else { throw damaged("has more than the \(archive.size) bytes that it should have") }
      return chunk
    }
    guard let digester = digester.take() else { return [] }
    guard count == archive.size else { throw damaged("has \(count) bytes, but should have \(archive.size)") }
    let digest = digester.finalize()
    guard digest == archive.digest else { throw damaged("has the hash \(digest), but should have \(archive.digest)") }
    onEnd()
    return []
  }

  private func damaged(_ what: String) -> TarballError { TarballError(.damaged, "the NAR \(what)") }
}

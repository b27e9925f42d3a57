internal import OCICore

/// Compares the bytes of two members.
enum EqualContent {
  private static let chunkSize = 1 << 20

  static func check(_ first: EntryContent, _ other: EntryContent, size: Int64) throws -> Bool {
    // What is in an archive can only be read when it is its turn; its digest is known.
    if first.knownDigest != nil || other.knownDigest != nil {
      return try digest(of: first, size: size) == digest(of: other, size: size)
    }
    var offset: Int64 = 0
    while offset < size {
      let count = Int(min(Int64(chunkSize), size - offset))
      guard try bytes(of: first, from: offset, count) == bytes(of: other, from: offset, count) else { return false }
      offset += Int64(count)
    }
    return true
  }

  static func digest(of content: EntryContent, size: Int64) throws -> Digest {
    if let known = content.knownDigest { return known }
    var digester = Digester()
    while digester.count < size {
      let count = Int(min(Int64(chunkSize), size - digester.count))
      let bytes = try bytes(of: content, from: digester.count, count)
      digester.update(bytes.span)
    }
    return digester.finalize()
  }

  private static func bytes(of content: EntryContent, from offset: Int64, _ count: Int) throws(TarballError) -> [UInt8]
  {
    switch content {
    case .none, .archive: return []
    case .bytes(let bytes): return Array(bytes[Int(offset)..<Int(offset) + count])
    case .host(let file, let status):
      var bytes = [UInt8](repeating: 0, count: count)
      var span = bytes.mutableSpan
      try HostFileSystem.read(file, status, offset: offset, into: &span, at: 0..<count)
      return bytes
    }
  }
}

extension EntryContent {
  fileprivate var knownDigest: Digest? { if case .archive(_, _, let digest) = self { digest } else { nil } }
}

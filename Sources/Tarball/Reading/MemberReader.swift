internal import OCICore

/// Who reads the members of an archive from its beginning, on one thread.
protocol MemberReader: AnyObject {
  /// The next member; `nil` at the end. Content that was not read is passed over.
  func next() throws -> ArchiveMember?
  /// Gives the next bytes of the member; tells whether there were any.
  func nextChunk(_ body: (Span<UInt8>) throws -> Void) throws -> Bool
  /// Reads what is left of the member's content.
  func forEachChunk(_ body: (Span<UInt8>) throws -> Void) throws
}

extension ArchiveReader: MemberReader {}

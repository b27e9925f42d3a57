internal import OCICore

/// Where the bytes of a member come from.
enum EntryContent: Sendable {
  case none
  case bytes([UInt8])
  case host(HostFile, HostStatus)
  /// A member of an archive; to be read in the order of the walk.
  case archive(ArchiveContents, member: Int, digest: Digest?)
}

/// One member of a layer, with where its bytes come from.
struct LayerMember: Sendable {
  var entry: TarEntry
  let content: EntryContent

  init(_ entry: consuming TarEntry, _ content: consuming EntryContent = .none) {
    self.content = entry.size == 0 ? .none : content
    self.entry = entry
  }
}

/// Who takes the members of a layer, in the order of the archive.
protocol LayerSink {
  mutating func append(_ member: LayerMember) throws
  /// What follows, up to `endSegment`, depends on nothing but one source and the rules.
  mutating func beginSegment(_ segment: LayerSegment) throws
  mutating func endSegment() throws
}

/// A source of the recipe that has its own place in the archive.
struct LayerSegment: Sendable, Hashable {
  var source: LayerRecipe.Source
  /// How many sources come before it, if nothing else does but directories above them.
  var leadingCount: Int?
}

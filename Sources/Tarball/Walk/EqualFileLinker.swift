internal import Dispatch
internal import OCICore
internal import Synchronization

/// Finds the files of a layer that are equal in content and in everything else that a hard link would share.
enum EqualFileLinker {
  /// The names of the files that become links, each with the name of the file that it is a link to; `nil` when the policy
  /// wants none. Walks the recipe once, and reads the files whose size occurs twice.
  static func links(
    in recipe: LayerRecipe, substitute: (any TreeSubstitute)?, cancellation: ReadingCancellation,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws -> [[UInt8]: [UInt8]]? {
    guard recipe.metadata.hardLinks == .byContent else { return nil }
    var walker = try LayerWalker(
      recipe, sink: FileCollector(), substitute: substitute, cancellation: cancellation, isCancelled: isCancelled)
    try walker.walk()
    var links: [[UInt8]: [UInt8]] = [:]
    let candidates = walker.sink.groups.values.filter { $0.count > 1 }.flatMap(\.self)
    let digests = try digests(of: candidates, isCancelled)
    var first: [FileCollector.Identity: [UInt8]] = [:]
    // Back in the order of the archive.
    for (file, digest) in zip(candidates, digests).sorted(by: { $0.0.position < $1.0.position }) {
      var identity = file.identity
      identity.content = digest
      if let target = first[identity] { links[file.entry.path] = target } else { first[identity] = file.entry.path }
    }
    return links
  }

  private static func digests(
    of files: [FileCollector.File], _ isCancelled: @escaping @Sendable () -> Bool
  ) throws -> [Digest] {
    let results = Mutex([Result<Digest, any Error>?](repeating: nil, count: files.count))
    DispatchQueue.concurrentPerform(iterations: files.count) { index in
      let result = Result {
        if isCancelled() { throw CancellationError() }
        return try EqualContent.digest(of: files[index].content, size: files[index].entry.size)
      }
      results.withLock { $0[index] = result }
    }
    return try results.withLock { results in try results.compactMap { try $0?.get() } }
  }
}

/// Keeps the files of a walk, by what must be equal before their contents are worth reading.
struct FileCollector: LayerSink {
  struct Identity: Hashable {
    var size: Int64
    var mode: UInt32
    var uid: Int64
    var gid: Int64
    var modificationTime: Int64
    var extendedAttributes: [ExtendedAttribute]
    var paxRecords: [ExtendedAttribute]
    var content: Digest?
  }

  struct File: Sendable {
    var entry: TarEntry
    var content: EntryContent
    var position: Int

    var identity: Identity {
      Identity(
        size: entry.size, mode: entry.mode, uid: entry.uid, gid: entry.gid,
        modificationTime: entry.modificationTime, extendedAttributes: entry.extendedAttributes,
        paxRecords: entry.paxRecords)
    }
  }

  private(set) var groups: [Identity: [File]] = [:]
  private var count = 0

  mutating func append(_ member: LayerMember) {
    count += 1
    guard member.entry.size > 0 else { return }
    let file = File(entry: member.entry, content: member.content, position: count)
    groups[file.identity, default: []].append(file)
  }

  mutating func beginSegment(_ segment: LayerSegment) {}
  mutating func endSegment() {}
}

/// Writes hard links in the place of files that have an equal before them.
struct LinkingSink<Sink: LayerSink>: LayerSink {
  var sink: Sink
  let links: [[UInt8]: [UInt8]]

  mutating func append(_ member: LayerMember) throws {
    guard !links.isEmpty, let target = links[member.entry.path] else { return try sink.append(member) }
    var link = member.entry
    link.kind = .hardLink(target: target)
    // They are the file's, and readers take them from there.
    link.extendedAttributes = []
    link.paxRecords = []
    try sink.append(LayerMember(link))
  }

  mutating func beginSegment(_ segment: LayerSegment) throws { try sink.beginSegment(segment) }
  mutating func endSegment() throws { try sink.endSegment() }
}

internal import OCICore
internal import SystemPackage

/// Walks a recipe depth first, each directory by the bytes of its names, parents before children, whiteouts before their
/// siblings, and gives every member to a sink.
struct LayerWalker<Sink: LayerSink> {
  private let metadata: MetadataPolicy
  private let tree: LayerTree
  private let isCancelled: () -> Bool
  private let reader = DirectoryReader()
  private(set) var sink: Sink
  /// The relative path of what is being visited.
  private var path: [UInt8] = []
  private var frames: [Frame] = []
  /// How many segments came so far, and whether nothing else did.
  private var segmentCount = 0
  private var isPure = true
  /// So many leading segments are passed over without a look at the host.
  private let skippedSegments: Int
  private var openLinkTargets: Set<[UInt8]>

  /// A directory of the image whose members are being visited.
  private struct Frame {
    enum Members {
      /// One directory of the host, and nothing else.
      case listing(DirectoryListing, HostDirectory)
      case merged([Member])
    }
    var members: Members
    var next = 0
    /// The length of the directory's own path.
    var pathCount: Int
    var endsSegment: Bool
  }

  /// A name in a directory that several sources may reach.
  private struct Member {
    var name: [UInt8]
    var found: [Found] = []
    var node: LayerTree.Node?
  }

  /// Something that one path of the image gets.
  private enum Found {
    case host(HostFile, HostStatus?)
    case entry(LayerEntry)
  }

  init(_ recipe: LayerRecipe, sink: Sink, skippedSegments: Int = 0, isCancelled: @escaping () -> Bool = { false })
    throws(TarballError)
  {
    metadata = recipe.metadata
    tree = try LayerTree(recipe)
    openLinkTargets = tree.linkTargets
    self.sink = sink
    self.skippedSegments = skippedSegments
    self.isCancelled = isCancelled
  }

  private var isSkipping: Bool { segmentCount < skippedSegments }

  /// Walks the whole recipe; blocks, on file calls and on the sink.
  mutating func walk() throws {
    try enterRoot()
    while let frame = frames.last {
      if isCancelled() { throw CancellationError() }
      if try !visitNext(of: frame) {
        frames.removeLast()
        path.removeLast(path.count - (frames.last?.pathCount ?? 0))
        if frame.endsSegment { try sink.endSegment() }
      }
    }
  }

  private mutating func enterRoot() throws {
    let node = tree.root
    var hosts: [HostFile] = []
    for source in sorted(node.sources) {
      let host = HostFile(source.host)
      let status = try HostFileSystem.status(host)
      guard status.kind == .directory else {
        throw TarballError(
          .invalidRecipe,
          "'\(host.text)' cannot be put at '/': only a directory has content to put there")
      }
      hosts.append(host)
    }
    // The sources' own directories are no part of what is put at the root, so the root has the mode of missing parents.
    if metadata.naming == .absolute || !node.entries.isEmpty {
      let root = node.entries.first ?? LayerEntry("/", .directory)
      guard node.entries.count < 2 else { throw conflict("two entries", "another", at: []) }
      if !isSkipping { try append(tarEntry(root), .none) }
      if !node.entries.isEmpty { isPure = false }
    }
    try enter(node, hosts: hosts, endsSegment: false)
  }

  private func sorted(_ sources: [LayerRecipe.Source]) -> [LayerRecipe.Source] {
    sources.count < 2
      ? sources
      : sources.sorted {
        HostFileSystem.path($0.host).lexicographicallyPrecedes(HostFileSystem.path($1.host))
      }
  }

  // MARK: Directories

  /// Begins to visit what is in a directory: what the recipe puts there and what the host's directories hold.
  private mutating func enter(_ node: LayerTree.Node?, hosts: [HostFile], endsSegment: Bool) throws {
    if !path.isEmpty { path.append(UInt8(ascii: "/")) }
    if let node { try appendWhiteouts(of: node) }
    if hosts.count == 1, node?.children.isEmpty ?? true {
      let directory = try HostDirectory(hosts[0])
      let listing = try reader.list(directory)
      frames.append(
        Frame(members: .listing(listing, directory), pathCount: path.count, endsSegment: endsSegment))
      return
    }
    var members: [[UInt8]: Member] = [:]
    for host in hosts {
      let directory = try HostDirectory(host)
      let listing = try reader.list(directory)
      for entry in listing.entries {
        let name = Array(listing.name(of: entry))
        members[name, default: Member(name: name)].found.append(
          .host(HostFile(in: directory, name: name[...]), entry.status))
      }
    }
    for (name, child) in node?.children ?? [:] {
      var member = members[name] ?? Member(name: name)
      member.node = child
      member.found += sorted(child.sources).map { .host(HostFile($0.host), nil) }
      member.found += child.entries.map { .entry($0) }
      members[name] = member
    }
    let sorted = members.values.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    frames.append(Frame(members: .merged(sorted), pathCount: path.count, endsSegment: endsSegment))
  }

  /// Visits the next member of the innermost directory; tells whether there was one.
  private mutating func visitNext(of frame: Frame) throws -> Bool {
    let index = frame.next
    switch frame.members {
    case .listing(let listing, let directory):
      guard index < listing.entries.count else { return false }
      frames[frames.count - 1].next += 1
      path.removeLast(path.count - frame.pathCount)
      let entry = listing.entries[index]
      let name = listing.name(of: entry)
      path.append(contentsOf: name)
      if name.starts(with: Whiteout.prefix) { throw Whiteout.reserved(path) }
      if isPure, !isInSegment { isPure = false }
      try visit(host: HostFile(in: directory, name: name), entry.status, endsSegment: false)
    case .merged(let members):
      guard index < members.count else { return false }
      frames[frames.count - 1].next += 1
      path.removeLast(path.count - frame.pathCount)
      let member = members[index]
      path.append(contentsOf: member.name)
      if member.name.starts(with: Whiteout.prefix) { throw Whiteout.reserved(path) }
      try visit(member)
    }
    return true
  }

  /// Whether what is visited belongs to one source that has its own place.
  private var isInSegment: Bool { frames.contains { $0.endsSegment } }

  // MARK: Members

  private mutating func visit(_ member: Member) throws {
    if let node = member.node, node.isSegment, member.found.count == 1, case .host(let host, _) = member.found[0] {
      let leading = isPure ? segmentCount : nil
      defer { segmentCount += 1 }
      if isSkipping { return }
      try sink.beginSegment(LayerSegment(source: node.sources[0], leadingCount: leading))
      return try visit(host: host, try HostFileSystem.status(host), endsSegment: true)
    }
    if member.found.isEmpty {
      if !isSkipping { try append(tarEntry(LayerEntry("/", .directory)), .none) }
      return try enter(member.node, hosts: [], endsSegment: false)
    }
    isPure = false
    if member.found.count == 1, member.node?.children.isEmpty ?? true, member.node?.whiteouts.isEmpty ?? true,
      case .host(let host, let status) = member.found[0]
    {
      return try visit(host: host, try status ?? HostFileSystem.status(host), endsSegment: false)
    }
    try visitMerged(member)
  }

  /// Writes what one path of the host gives, and goes into directories.
  private mutating func visit(host: HostFile, _ status: HostStatus, endsSegment: Bool) throws {
    try append(try tarEntry(host, status), status.kind == .file ? .host(host, status) : .none)
    if status.kind == .directory {
      try enter(nil, hosts: [host], endsSegment: endsSegment)
    } else if endsSegment {
      try sink.endSegment()
    }
  }

  /// Several things may meet at one path only if they are the same; directories are merged, of the same mode.
  private mutating func visitMerged(_ member: Member) throws {
    var first: (entry: TarEntry, content: EntryContent, what: String)?
    var hosts: [HostFile] = []
    for found in member.found {
      let next: (entry: TarEntry, content: EntryContent, what: String)
      switch found {
      case .host(let host, let status):
        let status = try status ?? HostFileSystem.status(host)
        next = (try tarEntry(host, status), .host(host, status), "'\(host.text)'")
        if status.kind == .directory { hosts.append(host) }
      case .entry(let entry):
        var content = EntryContent.none
        if case .file(let bytes) = entry.kind { content = .bytes(bytes) }
        next = (tarEntry(entry), content, "an entry of the recipe")
      }
      if let first { try requireEqual(first, next) } else { first = next }
    }
    guard let first else { return }
    let isDirectory = first.entry.kind == .directory
    if let node = member.node, !isDirectory, !(node.children.isEmpty && node.whiteouts.isEmpty) {
      throw TarballError(.conflict, "\(first.what) is at \(place), where other sources need a directory")
    }
    try append(first.entry, first.entry.size > 0 ? first.content : .none)
    if isDirectory { try enter(member.node, hosts: hosts, endsSegment: false) }
  }

  private mutating func append(_ entry: TarEntry, _ content: EntryContent) throws {
    if !openLinkTargets.isEmpty {
      if case .file = entry.kind { openLinkTargets.remove(path) }
      if case .hardLink(let target) = entry.kind, openLinkTargets.contains(relative(target)) {
        throw TarballError(
          .invalidRecipe,
          "\(place) is a hard link to '/\(String(decoding: relative(target), as: UTF8.self))', which is no file that comes before it in this layer"
        )
      }
    }
    try sink.append(entry, content)
  }

  private func relative(_ name: [UInt8]) -> [UInt8] { Array(name.drop { $0 == UInt8(ascii: "/") }) }

  private mutating func appendWhiteouts(of node: LayerTree.Node) throws {
    guard !node.whiteouts.isEmpty else { return }
    isPure = false
    let named = try node.whiteouts.map { entry in
      let base = try LayerTree.name(of: entry.path)
      let start = base.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
      return (name: entry.kind == .whiteout ? Whiteout.prefix + base[start...] : Whiteout.opaqueMarker, entry: entry)
    }
    // The opaque marker sorts first by itself; equal names are one whiteout.
    var last: [UInt8] = []
    for (name, entry) in named.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) where name != last {
      last = name
      let parent = path
      path += name
      try append(tarEntry(entry), .none)
      path = parent
    }
  }

  // MARK: What the archive says

  private func name(isDirectory: Bool) -> [UInt8] {
    switch metadata.naming {
    case .relative where path.isEmpty: Array("./".utf8)
    case .relative: isDirectory ? path + [UInt8(ascii: "/")] : path
    case .absolute: [UInt8(ascii: "/")] + path
    }
  }

  private func tarEntry(_ kind: TarEntry.Kind, mode: UInt32) -> TarEntry {
    TarEntry(
      path: name(isDirectory: kind == .directory), kind: kind, mode: mode, uid: metadata.uid, gid: metadata.gid,
      userName: metadata.userName.isEmpty ? [] : Array(metadata.userName.utf8),
      groupName: metadata.groupName.isEmpty ? [] : Array(metadata.groupName.utf8),
      modificationTime: metadata.modificationTime)
  }

  private func tarEntry(_ host: HostFile, _ status: HostStatus) throws(TarballError) -> TarEntry {
    let (major, minor) = status.deviceNumbers
    func refuse(_ what: String) -> TarballError {
      TarballError(.unsupportedEntry, "'\(host.text)' is \(what); remove it")
    }
    let kind: TarEntry.Kind
    switch status.kind {
    case .file: kind = .file(size: status.size)
    case .directory: kind = .directory
    case .symlink: return tarEntry(.symlink(target: try HostFileSystem.linkTarget(host)), mode: 0o777)
    case .fifo: kind = .fifo
    case .blockDevice: kind = .blockDevice(major: major, minor: minor)
    case .characterDevice:
      // In a layer it would hide what lower layers have, to some runtimes.
      if major == 0, minor == 0 {
        throw refuse("a whiteout of an overlay file system, which a layer writes another way")
      }
      kind = .characterDevice(major: major, minor: minor)
    case .socket: throw refuse("a socket, which a layer cannot hold")
    }
    var entry = tarEntry(kind, mode: status.mode)
    if status.kind == .file || status.kind == .directory {
      entry.extendedAttributes = try HostFileSystem.extendedAttributes(host, allowed: metadata.extendedAttributes)
    }
    return entry
  }

  private func tarEntry(_ entry: LayerEntry) -> TarEntry {
    let kind: TarEntry.Kind =
      switch entry.kind {
      case .file(let bytes): .file(size: Int64(bytes.count))
      case .directory: .directory
      case .symlink(let target): .symlink(target: target)
      case .hardLink(let target): .hardLink(target: linkName(of: target))
      case .characterDevice(let major, let minor): .characterDevice(major: major, minor: minor)
      case .blockDevice(let major, let minor): .blockDevice(major: major, minor: minor)
      case .fifo: .fifo
      case .whiteout, .opaqueDirectory: .file(size: 0)
      }
    var result = tarEntry(kind, mode: entry.effectiveMode)
    result.uid = entry.uid ?? result.uid
    result.gid = entry.gid ?? result.gid
    result.modificationTime = entry.modificationTime ?? result.modificationTime
    result.extendedAttributes = entry.extendedAttributes.filter { !$0.value.isEmpty }
      .map { ExtendedAttribute(name: Array($0.key.utf8), value: $0.value) }
      .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    return result
  }

  /// The name that a hard link's target has in the archive. Destinations were checked before.
  private func linkName(of target: FilePath) -> [UInt8] {
    let name = (try? LayerTree.name(of: target)) ?? []
    return metadata.naming == .absolute ? [UInt8(ascii: "/")] + name : name
  }

  // MARK: Conflicts

  private var place: String { "'/\(String(decoding: path, as: UTF8.self))'" }

  private func requireEqual(
    _ first: (entry: TarEntry, content: EntryContent, what: String),
    _ other: (entry: TarEntry, content: EntryContent, what: String)
  ) throws(TarballError) {
    if first.entry == other.entry {
      if first.entry.size == 0 { return }
      if try EqualContent.check(first.content, other.content, size: first.entry.size) { return }
    }
    if first.entry.kind == .directory, other.entry.kind == .directory, first.entry.mode != other.entry.mode {
      throw TarballError(
        .conflict,
        "\(first.what) and \(other.what) have different modes, \(String(first.entry.mode, radix: 8)) and \(String(other.entry.mode, radix: 8)), so they cannot be merged into one directory"
      )
    }
    throw conflict(first.what, other.what, at: path)
  }

  private func conflict(_ first: String, _ other: String, at path: [UInt8]) -> TarballError {
    TarballError(
      .conflict,
      "\(first) and \(other) differ, and both belong at '/\(String(decoding: path, as: UTF8.self))'; leave one of them out"
    )
  }
}

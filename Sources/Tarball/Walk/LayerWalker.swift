internal import OCICore
internal import SystemPackage

/// Walks a recipe depth first, each directory by the bytes of its names, parents before children, whiteouts before their
/// siblings, and gives every member to a sink.
struct LayerWalker<Sink: LayerSink> {
  private let recipe: LayerRecipe
  private let tree: LayerTree
  private let contexts: [SourceContext]
  private let trees: SourceTrees
  private let writer: MemberWriter
  private let isCancelled: () -> Bool
  /// Whether files are opened when they are visited, for whoever takes them to read them at once.
  private let opensFiles: Bool
  private let reader = DirectoryReader()
  private(set) var sink: Sink
  /// The relative path of what is being visited.
  private var path: [UInt8] = []
  private var frames: [Frame] = []
  /// Directories that are written as soon as something in them is, each with the number of frames above its own.
  private var pending: [(member: LayerMember, depth: Int)] = []
  /// How many segments came so far, and whether nothing else did.
  private var segmentCount = 0
  private var isPure = true
  /// So many leading segments are passed over without a look at the host.
  private let skippedSegments: Int
  private var openLinkTargets: Set<[UInt8]>
  private var requiredRules: [PathRule]

  /// A directory of the image whose members are being visited.
  private struct Frame {
    enum Members {
      /// One directory of the host, and nothing else.
      case listing(Listing)
      case merged([Member])
    }
    var members: Members
    /// The one to visit next.
    var next = 0
    /// The length of the directory's own path.
    var pathCount: Int
    /// The source that has this place for itself, by its place in the recipe.
    var segment: Int?
  }

  /// What one source has in one directory; by reference, because it is looked at for every member.
  private final class Listing {
    let names: DirectoryListing
    let directory: HostDirectory
    let context: SourceContext

    init(_ names: DirectoryListing, _ directory: HostDirectory, _ context: SourceContext) {
      self.names = names
      self.directory = directory
      self.context = context
    }
  }

  /// A name in a directory that several sources may reach.
  private struct Member {
    var name: [UInt8]
    var found: [Found] = []
    var node: LayerTree.Node?
  }

  /// - Parameters:
  ///   - opensFiles: Whether the files that the sink is given are open, for it to read them at once.
  ///   - substitute: Gives what this machine lacks.
  init(
    _ recipe: LayerRecipe, sink: Sink, skippedSegments: Int = 0, opensFiles: Bool = false,
    substitute: (any TreeSubstitute)? = nil,
    cancellation: ReadingCancellation = .init(), isCancelled: @escaping () -> Bool = { false }
  ) throws {
    self.recipe = recipe
    tree = try LayerTree(recipe)
    contexts = try recipe.sources.enumerated().map { try SourceContext($1, order: $0) }
    trees = SourceTrees(recipe, substitute: substitute, cancellation: cancellation, isCancelled: isCancelled)
    writer = MemberWriter(metadata: recipe.metadata)
    openLinkTargets = tree.linkTargets
    requiredRules = (recipe.sources.flatMap(\.rules) + recipe.parentRules).filter(\.isRequired)
    self.sink = sink
    self.skippedSegments = skippedSegments
    self.opensFiles = opensFiles
    self.isCancelled = isCancelled
  }

  private var isSkipping: Bool { segmentCount < skippedSegments }

  /// Walks the whole recipe; blocks, on file calls and on the sink.
  mutating func walk() throws {
    try enterRoot()
    while !frames.isEmpty {
      if try !visitNext() {
        let frame = frames.removeLast()
        path.removeLast(path.count - (frames.last?.pathCount ?? 0))
        // Nothing was in them.
        while let last = pending.last, last.depth >= frames.count { pending.removeLast() }
        if let order = frame.segment { try endSegment(order) }
      }
    }
    try trees.closeAll()
    if skippedSegments == 0, let rule = requiredRules.first { throw PathRule.unmatched(rule.patterns) }
  }

  private mutating func enterRoot() throws {
    let node = tree.root
    var found = try located(node.orders)
    for index in found.indices {
      guard try found[index].isDirectory() else {
        throw TarballError(
          .invalidRecipe, "\(found[index].name) cannot be put at '/': only a directory has content to put there")
      }
    }
    // The sources' own directories are no part of what is put at the root, so the root has the mode of missing parents.
    if recipe.metadata.naming == .absolute || !node.entries.isEmpty {
      let root = node.entries.first ?? LayerEntry("/", .directory)
      guard node.entries.count < 2 else { throw writer.conflict("two entries", "another", at: []) }
      if !isSkipping { try append(LayerMember(writer.entry(root, at: path))) }
      if !node.entries.isEmpty { isPure = false }
    }
    try enter(node, found)
  }

  private mutating func endSegment(_ order: Int) throws {
    try trees.close(order)
    try sink.endSegment()
  }

  /// Finds sources in the order in which they are looked at: by name where the order of the recipe means nothing.
  /// - Parameter compares: Whether something else may be at the same paths.
  private func located(_ orders: [Int], compares: Bool = true) throws -> [Found] {
    var orders = orders
    if orders.count > 1, recipe.conflicts == .refuse {
      orders.sort { left, right in
        HostFileSystem.path(recipe.sources[left].host)
          .lexicographicallyPrecedes(HostFileSystem.path(recipe.sources[right].host))
      }
    }
    return try orders.compactMap { try contexts[$0].locate(in: trees.tree($0, compares: compares)) }
  }

  // MARK: Directories

  /// Begins to visit what is in a directory: what the recipe puts there and what the sources' directories hold.
  private mutating func enter(_ node: LayerTree.Node?, _ directories: [Found], segment: Int? = nil) throws {
    if !path.isEmpty { path.append(UInt8(ascii: "/")) }
    if frames.count > 500, directories.contains(where: \.context.followsLinks) {
      throw TarballError(
        .unreadable, "symbolic links lead in a circle at \(place); keep them as they are, or leave them out")
    }
    if let node { try appendWhiteouts(node.whiteouts.map { try Whiteout.named($0) }) }
    if directories.count == 1, node?.children.isEmpty ?? true, case .host(let host, _) = directories[0].thing {
      let directory = try HostDirectory(host)
      let listing = try reader.list(directory, examinesFiles: !opensFiles)
      let members = Frame.Members.listing(Listing(listing, directory, directories[0].context))
      frames.append(Frame(members: members, pathCount: path.count, segment: segment))
      return
    }
    var members: [[UInt8]: Member] = [:]
    for directory in directories {
      switch directory.thing {
      case .host(let host, _):
        let open = try HostDirectory(host)
        let listing = try reader.list(open)
        for entry in listing.entries {
          let name = Array(listing.name(of: entry))
          let file = HostFile(in: open, name: listing.terminatedName(of: entry))
          members[name, default: Member(name: name)].found.append(Found(.host(file, entry.status), directory.context))
        }
      case .archive(let archive, let place):
        try appendWhiteouts(archive.nodes[place].whiteouts.map { ($0, LayerEntry("/", .whiteout)) })
        for (name, child) in archive.nodes[place].children {
          members[name, default: Member(name: name)].found.append(Found(.archive(archive, child), directory.context))
        }
      case .entry: break
      }
    }
    for (name, child) in node?.children ?? [:] {
      var member = members[name] ?? Member(name: name)
      member.node = child
      // What has its place for itself is looked for when its turn comes.
      if !child.isSegment || !member.found.isEmpty && !isSkipping { member.found += try located(child.orders) }
      member.found += child.entries.map { Found(.entry($0), .none) }
      members[name] = member
    }
    let sorted = members.values.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    frames.append(Frame(members: .merged(sorted), pathCount: path.count, segment: segment))
  }

  /// Visits members of the innermost directory, up to a directory among them; tells whether there may be more.
  private mutating func visitNext() throws -> Bool {
    let innermost = frames.count - 1
    switch frames[innermost].members {
    case .listing(let listing): return try visitMembers(of: listing)
    case .merged(let members):
      if isCancelled() { throw CancellationError() }
      let index = frames[innermost].next
      guard index < members.count else { return false }
      frames[innermost].next += 1
      let member = members[index]
      path.replaceSubrange(frames[innermost].pathCount..., with: member.name)
      try visit(member)
    }
    return true
  }

  /// Visits what is in a directory of the host, up to a directory among it; tells whether there may be more.
  private mutating func visitMembers(of listing: Listing) throws -> Bool {
    let depth = frames.count
    let pathCount = frames[depth - 1].pathCount
    let names = listing.names
    let entries = names.entries
    if isPure, !isInSegment, frames[depth - 1].next < entries.count { isPure = false }
    while frames.count == depth {
      if isCancelled() { throw CancellationError() }
      let index = frames[depth - 1].next
      guard index < entries.count else { return false }
      frames[depth - 1].next += 1
      let entry = entries[index]
      path.replaceSubrange(pathCount..., with: names.name(of: entry))
      let file = HostFile(in: listing.directory, name: names.terminatedName(of: entry))
      if let status = entry.status {
        try visit(Found(.host(file, status), listing.context))
      } else {
        try visit(unexamined: file, listing.context)
      }
    }
    return true
  }

  /// Whether what is visited belongs to one source that has its own place.
  private var isInSegment: Bool { frames.contains { $0.segment != nil } }

  // MARK: Members

  private mutating func visit(_ member: Member) throws {
    if let node = member.node, node.isSegment, member.found.allSatisfy({ $0.order == node.orders[0] }) {
      let leading = isPure ? segmentCount : nil
      if isSkipping {
        segmentCount += 1
        return
      }
      guard let found = try located(node.orders, compares: false).first else { return }
      defer { segmentCount += 1 }
      try flushPending()
      try sink.beginSegment(LayerSegment(source: node.sources[0], leadingCount: leading))
      return try visit(found, segment: node.orders[0])
    }
    if member.found.isEmpty {
      if !isSkipping { pending.append((LayerMember(parentEntry()), frames.count)) }
      return try enter(member.node, [])
    }
    if isPure, !isInSegment { isPure = false }
    if member.found.count == 1, member.node?.children.isEmpty ?? true, member.node?.whiteouts.isEmpty ?? true {
      return try visit(member.found[0])
    }
    try visitMerged(member)
  }

  /// Writes what one path gets from one source, and goes into directories.
  private mutating func visit(_ found: Found, segment: Int? = nil) throws {
    // Looked at once, so that what is gone into is what was looked at, links followed.
    var found = found
    let isDirectory = try found.isDirectory()
    if try write(found, isDirectory: isDirectory), isDirectory {
      try enter(nil, [found], segment: segment)
    } else if let segment {
      try endSegment(segment)
    }
  }

  /// Writes a file of which only the name is known: looks it up once, for its status and its content.
  private mutating func visit(unexamined file: HostFile, _ context: SourceContext) throws {
    let verdict = context.verdict(path, isDirectory: false)
    if verdict == .leaveOut { return }
    guard let status = try HostFileSystem.open(file) else {
      // Without its content, what it is can still be said.
      return try visit(Found(.host(file, nil), context))
    }
    try write(Found(.host(file, status), context), verdict)
  }

  /// Writes one thing, unless a rule leaves it out or it waits for what is in it; tells whether it is kept.
  private mutating func write(_ found: Found, isDirectory: Bool) throws -> Bool {
    let verdict = found.context.verdict(path, isDirectory: isDirectory)
    if verdict == .leaveOut { return false }
    try write(found, verdict)
    return true
  }

  private mutating func write(_ found: Found, _ verdict: SourceRules.Verdict) throws {
    try refuseReservedName()
    let member = try member(found)
    if verdict == .undecided { pending.append((member, frames.count)) } else { try append(member) }
  }

  private func refuseReservedName() throws(TarballError) {
    let start = frames.last?.pathCount ?? 0
    guard start < path.count, path[start] == UInt8(ascii: ".") else { return }
    if path[start...].starts(with: Whiteout.prefix) { throw Whiteout.reserved(path) }
  }

  /// What a thing is in the archive, with its source's rules applied.
  private mutating func member(_ found: Found) throws -> LayerMember {
    let member = try writer.member(found, at: path)
    return found.context.hasRules ? changed(member, found.context) : member
  }

  private mutating func changed(_ member: LayerMember, _ context: SourceContext) -> LayerMember {
    var member = member
    for rule in context.apply(to: &member.entry, path) {
      requiredRules.removeAll { $0.patterns == rule.patterns && $0.action == rule.action }
    }
    return member
  }

  /// Several things may meet at one path only if they are the same, or the policy says which counts; directories are merged.
  private mutating func visitMerged(_ member: Member) throws {
    var kept: [MemberWriter.Kept] = []
    var isUndecided = true
    for var found in member.found {
      let verdict = found.context.verdict(path, isDirectory: try found.isDirectory())
      if verdict == .leaveOut { continue }
      if verdict == .keep { isUndecided = false }
      try refuseReservedName()
      kept.append((found, try self.member(found)))
    }
    if recipe.conflicts == .lastWins {
      kept.sort { $0.found.order < $1.found.order }
      // Directories that something else has taken the place of are gone.
      if let last = kept.lastIndex(where: { $0.member.entry.kind != .directory }) {
        kept.removeFirst(last == kept.count - 1 ? last : last + 1)
      }
    } else {
      for other in kept.dropFirst() { try writer.requireEqual(kept[0], other, at: path) }
    }
    guard let counted = recipe.conflicts == .lastWins ? kept.last : kept.first else { return }
    let isDirectory = counted.member.entry.kind == .directory
    if let node = member.node, !isDirectory, !(node.children.isEmpty && node.whiteouts.isEmpty) {
      throw TarballError(.conflict, "\(counted.found.name) is at \(place), where other sources need a directory")
    }
    if isUndecided { pending.append((counted.member, frames.count)) } else { try append(counted.member) }
    if isDirectory { try enter(member.node, kept.map(\.found)) }
  }

  /// A directory that nothing gives.
  private mutating func parentEntry() -> TarEntry {
    var entry = writer.entry(LayerEntry("/", .directory), at: path)
    for rule in recipe.parentRules where rule.matches(path) {
      if case .change(let change) = rule.action { change.apply(to: &entry) }
      requiredRules.removeAll { $0.patterns == rule.patterns && $0.action == rule.action }
    }
    return entry
  }

  private mutating func append(_ member: LayerMember) throws {
    try flushPending()
    if !openLinkTargets.isEmpty {
      if case .file = member.entry.kind { openLinkTargets.remove(path) }
      if case .hardLink(let target) = member.entry.kind, openLinkTargets.contains(relative(target)) {
        throw TarballError(
          .invalidRecipe,
          "\(place) is a hard link to '/\(String(decoding: relative(target), as: UTF8.self))', which is no file that comes before it in this layer"
        )
      }
    }
    try sink.append(member)
  }

  private mutating func flushPending() throws {
    guard !pending.isEmpty else { return }
    let waiting = pending
    pending = []
    for (member, _) in waiting { try sink.append(member) }
  }

  private func relative(_ name: [UInt8]) -> [UInt8] { Array(name.drop { $0 == UInt8(ascii: "/") }) }

  private mutating func appendWhiteouts(_ whiteouts: [(name: [UInt8], entry: LayerEntry)]) throws {
    guard !whiteouts.isEmpty else { return }
    isPure = false
    // The opaque marker sorts first by itself; equal names are one whiteout.
    var last: [UInt8] = []
    for (name, entry) in whiteouts.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) where name != last {
      last = name
      let parent = path
      path += name
      try append(LayerMember(writer.entry(entry, at: path)))
      path = parent
    }
  }

  private var place: String { "'/\(String(decoding: path, as: UTF8.self))'" }
}

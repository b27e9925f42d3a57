internal import OCICore
internal import SystemPackage

/// What is in an archive, as a tree without content: the first of its readings. Names that lead elsewhere, members twice and
/// members below links are refused, because two tools would unpack them differently.
final class ArchiveTree: Sendable {
  struct Node: Sendable {
    /// What the archive says of it; a directory that it only has members in says nothing.
    var entry: LayerListing.Entry?
    /// The member that has its content, by its place in the archive; for a hard link that of the file.
    var content: Int?
    var size: Int64 = 0
    /// Names and places in `nodes`.
    var children: [[UInt8]: Int] = [:]
    /// What it deletes in lower layers, by the names that say so.
    var whiteouts: [[UInt8]] = []

    var isDirectory: Bool { entry.map { $0.kind == .directory } ?? true }
  }

  let path: FilePath
  let options: ArchiveReadOptions
  /// Whether it stands for a store path that this machine lacks: then it is to be what that would be.
  let isStore: Bool
  let nodes: [Node]
  /// Reads the contents of files, in the order in which the walk comes to them.
  let contents: ArchiveContents

  static let root = 0

  /// Reads an archive once. Blocks.
  /// - Parameter digestsContent: Whether contents will be compared.
  /// - Throws: `TarballError`, naming the archive.
  convenience init(
    _ path: FilePath, _ options: ArchiveReadOptions, digestsContent: Bool, isCancelled: @escaping () -> Bool
  ) throws {
    try self.init(ArchivePass(path, options.limits, isCancelled), options, digestsContent: digestsContent)
  }

  /// Reads a store path's archive once. Blocks.
  convenience init(_ file: StoreArchiveFile, digestsContent: Bool) throws {
    try self.init(ArchivePass(file), .init(), digestsContent: digestsContent)
  }

  private init(_ pass: ArchivePass, _ options: ArchiveReadOptions, digestsContent: Bool) throws {
    var builder = Builder(pass.path, options, isStore: pass.isStore)
    try pass.forEachMember { reader, member, ordinal in
      var entry = member.entry
      if digestsContent, entry.kind == .file || entry.size ?? 0 > 0 {
        var digester = Digester()
        try reader.forEachChunk { digester.update($0) }
        entry.size = digester.count
        entry.digest = digester.finalize()
      } else if entry.kind == .file, entry.size == nil {
        // Some formats tell the size only by the content.
        var size: Int64 = 0
        try reader.forEachChunk { size += Int64($0.count) }
        entry.size = size
      }
      try builder.add(entry, ordinal)
    }
    try builder.resolveLinks()
    try builder.requireBounds()
    path = pass.path
    self.options = options
    isStore = pass.isStore
    nodes = builder.nodes
    contents = ArchiveContents(pass, order: Self.order(of: builder.nodes), sizes: builder.sizes)
  }

  /// The members that have content, in the order in which a layer has them.
  private static func order(of nodes: [Node]) -> [Int] {
    var result: [Int] = []
    var open = [root]
    while let place = open.popLast() {
      let node = nodes[place]
      if let content = node.content, node.size > 0 { result.append(content) }
      open += node.children.sorted { $1.key.lexicographicallyPrecedes($0.key) }.map(\.value)
    }
    return result
  }

  /// The place of a path; `nil` where there is nothing.
  func find(_ components: [[UInt8]], from start: Int = root) -> Int? {
    var place = start
    for component in components {
      guard let next = nodes[place].children[component] else { return nil }
      place = next
    }
    return place
  }

  // MARK: Building

  private struct Builder {
    private let path: FilePath
    private let options: ArchiveReadOptions
    private let isStore: Bool
    private(set) var nodes = [Node()]
    /// Of members with content.
    private(set) var sizes: [Int: Int64] = [:]
    private var links: [(node: Int, target: [UInt8])] = []
    /// Links that bring the content of the file that they are names of.
    private var late: [(node: Int, ordinal: Int, size: Int64)] = []

    init(_ path: FilePath, _ options: ArchiveReadOptions, isStore: Bool) {
      self.path = path
      self.options = options
      self.isStore = isStore
    }

    private func refuse(_ code: TarballError.Code, _ member: [UInt8], _ why: String) -> TarballError {
      TarballError(code, "'\(String(decoding: member, as: UTF8.self))' in '\(path)' \(why)")
    }

    mutating func add(_ entry: LayerListing.Entry, _ ordinal: Int) throws(TarballError) {
      let components = try components(of: entry.path)
      guard let name = components.last else {
        if entry.kind == .directory {
          nodes[ArchiveTree.root].entry = entry
        } else if isStore {
          // A store path may be a file or a link itself.
          nodes[ArchiveTree.root] = node(entry, ordinal)
        }
        return
      }
      let parent = try directory(components.dropLast(), of: entry.path)
      if name.starts(with: Whiteout.prefix), !isStore { return try add(whiteout: entry, name, to: parent) }
      if entry.kind == .characterDevice || entry.kind == .blockDevice, !options.allowsDevices {
        throw refuse(
          .unsupportedEntry, entry.path,
          "is a device node, which no runtime without root can unpack; leave it out, or allow device nodes")
      }
      if let known = nodes[parent].children[name] {
        guard entry.kind == .directory, nodes[known].isDirectory else {
          throw refuse(
            .conflict, entry.path, "is there twice, and tools differ in which counts; make the archive again")
        }
        nodes[known].entry = entry
        return
      }
      nodes[parent].children[name] = nodes.count
      if entry.kind == .hardLink {
        links.append((nodes.count, entry.linkTarget ?? []))
        // cpio has the content with the last of the links: it belongs to all of them.
        if let size = entry.size, size > 0 { late.append((nodes.count, ordinal, size)) }
      }
      nodes.append(node(entry, ordinal))
    }

    private mutating func node(_ entry: LayerListing.Entry, _ ordinal: Int) -> Node {
      var node = Node(entry: entry)
      guard entry.kind == .file else { return node }
      node.content = ordinal
      node.size = entry.size ?? 0
      sizes[ordinal] = node.size
      return node
    }

    private func components(of path: [UInt8]) throws(TarballError) -> [[UInt8]] {
      let parts = path.split(separator: UInt8(ascii: "/")).map(Array.init).filter { $0 != [UInt8(ascii: ".")] }
      guard !parts.contains(Array("..".utf8)) else {
        throw refuse(.unsafePath, path, "has '..' in its name, so it could lead out of the image")
      }
      return parts
    }

    private mutating func directory(
      _ components: ArraySlice<[UInt8]>, of member: [UInt8]
    ) throws(TarballError) -> Int {
      var place = ArchiveTree.root
      for component in components {
        if let next = nodes[place].children[component] {
          guard nodes[next].isDirectory else {
            throw refuse(
              nodes[next].entry?.kind == .symlink ? .unsafePath : .invalidArchive, member,
              "lies below something that is no directory, where unpacking could lead anywhere")
          }
          place = next
        } else {
          nodes[place].children[component] = nodes.count
          place = nodes.count
          nodes.append(Node())
        }
      }
      return place
    }

    private mutating func add(
      whiteout entry: LayerListing.Entry, _ name: [UInt8], to parent: Int
    ) throws(TarballError) {
      guard name.count > Whiteout.prefix.count,
        name == Whiteout.opaqueMarker || !name.dropFirst(4).starts(with: Whiteout.prefix)
      else {
        throw refuse(.reservedName, entry.path, "is a name that storage drivers keep for themselves; leave it out")
      }
      nodes[parent].whiteouts.append(name)
    }

    /// A hard link is the file that it is another name of.
    mutating func resolveLinks() throws(TarballError) {
      try takeLateContent()
      var rest = links
      while !rest.isEmpty {
        var open: [(node: Int, target: [UInt8])] = []
        for (place, target) in rest {
          let member = nodes[place].entry?.path ?? []
          guard let found = find(try components(of: target)), found != place else {
            throw refuse(.invalidArchive, member, "is a hard link to something that the archive does not have")
          }
          guard let linked = nodes[found].entry, linked.kind != .directory else {
            throw refuse(.invalidArchive, member, "is a hard link to a directory")
          }
          if linked.kind == .hardLink, nodes[found].content == nil {
            open.append((place, target))
            continue
          }
          nodes[place].entry = linked
          nodes[place].entry?.path = member
          nodes[place].content = nodes[found].content
          nodes[place].size = nodes[found].size
        }
        guard open.count < rest.count else {
          throw refuse(.invalidArchive, nodes[open[0].node].entry?.path ?? [], "is a hard link in a circle")
        }
        rest = open
      }
    }

    /// Gives content that came with a link to the file, which has none of its own.
    private mutating func takeLateContent() throws(TarballError) {
      for (place, ordinal, size) in late {
        let member = nodes[place].entry?.path ?? []
        guard let found = find(try components(of: nodes[place].entry?.linkTarget ?? [])), found != place,
          nodes[found].entry?.kind == .file
        else { continue }
        guard nodes[found].size == 0 else {
          throw refuse(.conflict, member, "is a hard link with other content than its file; make the archive again")
        }
        if let content = nodes[found].content { sizes[content] = nil }
        nodes[found].content = ordinal
        nodes[found].size = size
        nodes[found].entry?.size = size
        let digest = nodes[place].entry?.digest
        nodes[found].entry?.digest = digest
        sizes[ordinal] = size
      }
    }

    /// What links make of it may not be more than an archive may hold.
    func requireBounds() throws(TarballError) {
      var total: Int64 = 0
      for node in nodes {
        let (sum, overflows) = total.addingReportingOverflow(node.size)
        total = sum
        guard !overflows, total <= options.limits.contentSize else {
          throw TarballError(
            .limitExceeded,
            "'\(path)' becomes more than \(options.limits.contentSize) bytes when its hard links are files: it may be made to fill disks"
          )
        }
      }
      let stored = sizes.values.reduce(Int64(0)) { $0.addingReportingOverflow($1).partialValue }
      let (bound, isVast) = max(stored, ArchiveLimits.unratedSize).multipliedReportingOverflow(
        by: options.limits.expansionRatio)
      guard isVast || total <= bound else {
        throw TarballError(
          .limitExceeded,
          "'\(path)' becomes more than \(options.limits.expansionRatio) times its content when its hard links are files: it may be made to fill disks"
        )
      }
    }

    private func find(_ components: [[UInt8]]) -> Int? {
      var place = ArchiveTree.root
      for component in components {
        guard let next = nodes[place].children[component] else { return nil }
        place = next
      }
      return place
    }
  }
}

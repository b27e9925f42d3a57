public import OCICore

/// The file system that layers give when one is put over the other (image-spec, layer.md): whiteouts applied, hard links
/// resolved, each path once, with the layer that it comes from.
///
/// Held in memory, without content.
public struct MergedTree: Sendable {
  /// A path of the tree.
  public struct Entry: Sendable, Hashable {
    /// What it is. A hard link is a file, with the size, mode, owner and digest of the file that it shares.
    public var listing: LayerListing.Entry
    /// The layer that put it there, from 0; of a directory, the last that named it. `nil` for one that no layer names, but
    /// that others are in.
    public var layer: Int?
    /// Whether it is a further name of a file that comes before it: its bytes are there once.
    public var isFurtherName = false
  }

  /// A file that a layer has and the tree has not: its bytes are sent and stored, and nobody sees them.
  public struct HiddenFile: Sendable, Hashable {
    /// What it was, with its path in the tree.
    public var listing: LayerListing.Entry
    /// The layer that has it, from 0.
    public var layer: Int
    /// The layer that replaces or deletes it; its own, where that has the path twice.
    public var hiddenBy: Int
  }

  /// In one array, by index: no tree is too deep for a stack, and no path is kept twice.
  private struct Node: Sendable {
    /// Without its path, which follows from the names.
    var entry: Entry
    var parent: Int
    var name: [UInt8]
    /// The length of the path.
    var pathCount: Int
    /// Which file's bytes it has; all names of one have the same.
    var content: Int
    /// Whether the layer's archive has the bytes at this name.
    var hasBytes = true
    var children: [[UInt8]: Int] = [:]
    var kind: LayerListing.Entry.Kind { entry.listing.kind }
  }

  private static let root = 0
  private static let slash = UInt8(ascii: "/")
  /// Longer paths no system takes; layers that nest links could make them without end.
  private static let longestPath = 16 << 10

  private var nodes = [
    Node(entry: Entry(listing: .directory, layer: nil), parent: root, name: [], pathCount: 0, content: 0)
  ]
  /// Places in `nodes` whose path is gone.
  private var unused: [Int] = []
  /// How many contents there are.
  private var contentCount = 1
  /// What was taken out of the tree, with its content.
  private var taken: [(file: HiddenFile, content: Int)] = []
  /// How many layers were put over each other.
  public private(set) var layerCount = 0

  /// The empty tree.
  public init() {}

  /// Reads the layers of an image, from the bottom up, in whatever compression they are.
  /// - Throws: As `Archive.forEachMember` and `apply`.
  public init(layers: [BlobSource], limits: ArchiveLimits = .init()) async throws {
    for layer in layers { try apply(try await Archive(layer, limits: limits).listing()) }
  }

  /// The paths, depth first, each directory sorted by the bytes of its names, parents before children.
  public var entries: [Entry] {
    var result: [Entry] = []
    var open: [(node: Int, path: [UInt8])] = [(Self.root, [])]
    var seen: Set<Int> = []
    while let (index, path) = open.popLast() {
      let node = nodes[index]
      // The root is there without anybody naming it.
      if index != Self.root || node.entry.layer != nil {
        var entry = node.entry
        entry.listing.path = path.isEmpty ? LayerListing.Entry.root.path : path
        entry.isFurtherName = node.kind == .file && !seen.insert(node.content).inserted
        result.append(entry)
      }
      for (name, child) in node.children.sorted(by: { $1.key.lexicographicallyPrecedes($0.key) }) {
        open.append((child, path.isEmpty ? name : path + [Self.slash] + name))
      }
    }
    return result
  }

  /// The tree as a listing, for comparing.
  public var listing: LayerListing { LayerListing(entries: entries.map(\.listing)) }

  /// The files that upper layers hide, in the order in which they were hidden. A file with several names is hidden when all
  /// of them are; it is told once, by the name that had the bytes.
  public var hiddenFiles: [HiddenFile] {
    var visible: Set<Int> = []
    var open = [Self.root]
    while let index = open.popLast() {
      visible.insert(nodes[index].content)
      open += nodes[index].children.values
    }
    return taken.filter { !visible.contains($0.content) }.map(\.file)
  }

  /// Puts a layer over the tree. Whiteouts act on what was there before, wherever they are in the layer. A symbolic link on
  /// the way to a member is followed, inside the tree, as runtimes do.
  /// - Throws: `TarballError.Code.unsafePath` for a name with `..` in it, `invalidArchive` for a hard link to nothing, a member
  ///   below a file, and links that lead in a circle.
  public mutating func apply(_ layer: LayerListing) throws(TarballError) {
    let members = try layer.entries.map { entry throws(TarballError) in
      Member(entry, try Self.components(of: entry.path))
    }
    for member in members where member.whiteout == .opaque { try removeContents(of: member) }
    for member in members where member.whiteout == .name { try remove(member) }
    for member in members where member.whiteout == nil { try insert(member) }
    layerCount += 1
  }

  // MARK: Members

  private enum WhiteoutKind { case opaque, name, ignored }

  private struct Member {
    var entry: LayerListing.Entry
    var parent: [[UInt8]]
    var name: [UInt8]?
    var whiteout: WhiteoutKind?

    init(_ entry: LayerListing.Entry, _ components: [[UInt8]]) {
      self.entry = entry
      parent = Array(components.dropLast())
      name = components.last
      guard let name, name.starts(with: Whiteout.prefix) else { return }
      let rest = Array(name.dropFirst(Whiteout.prefix.count))
      if name == Whiteout.opaqueMarker {
        whiteout = .opaque
      } else if rest.starts(with: Whiteout.prefix) {
        // What old storage drivers kept there for themselves.
        whiteout = .ignored
      } else {
        whiteout = .name
        self.name = rest
      }
    }
  }

  private static func components(of path: [UInt8]) throws(TarballError) -> [[UInt8]] {
    let parts = path.split(separator: UInt8(ascii: "/")).map(Array.init).filter { $0 != [UInt8(ascii: ".")] }
    guard !parts.contains(Array("..".utf8)) else {
      throw TarballError(
        .unsafePath, "'\(String(decoding: path, as: UTF8.self))' has '..' in it, so it could lead out of the image")
    }
    guard parts.last != Whiteout.prefix else {
      throw TarballError(.invalidArchive, "'\(String(decoding: path, as: UTF8.self))' is a whiteout of nothing")
    }
    return parts
  }

  private mutating func removeContents(of member: Member) throws(TarballError) {
    guard let directory = try resolve(member.parent, creating: false) else { return }
    let names = nodes[directory].children.keys.sorted { $0.lexicographicallyPrecedes($1) }
    for name in names { removeTree(name, in: directory) }
  }

  private mutating func remove(_ member: Member) throws(TarballError) {
    guard let name = member.name, let directory = try resolve(member.parent, creating: false) else { return }
    removeTree(name, in: directory)
  }

  private mutating func removeTree(_ name: [UInt8], in directory: Int) {
    guard let first = nodes[directory].children.removeValue(forKey: name) else { return }
    var open = [first]
    var removed: [Int] = []
    while let index = open.popLast() {
      take(index)
      open += nodes[index].children.sorted { $1.key.lexicographicallyPrecedes($0.key) }.map(\.value)
      nodes[index].children = [:]
      removed.append(index)
    }
    unused += removed
  }

  /// Remembers a file that goes. Of a further name nothing is lost: the first has the bytes.
  private mutating func take(_ index: Int) {
    let node = nodes[index]
    guard node.kind == .file, node.hasBytes, let layer = node.entry.layer else { return }
    var listing = node.entry.listing
    listing.path = path(of: index)
    taken.append((HiddenFile(listing: listing, layer: layer, hiddenBy: layerCount), node.content))
  }

  private mutating func insert(_ member: Member) throws(TarballError) {
    var entry = member.entry
    entry.path = []
    guard let name = member.name else {
      guard entry.kind == .directory else {
        throw TarballError(.invalidArchive, "the root of the image is no directory in a layer")
      }
      nodes[Self.root].entry = Entry(listing: entry, layer: layerCount)
      return
    }
    var first: Int?
    if entry.kind == .hardLink {
      let file = try target(of: member.entry)
      (entry, first) = (nodes[file].entry.listing, nodes[file].content)
    }
    guard let directory = try resolve(member.parent, creating: true) else { return }
    if let old = nodes[directory].children[name], entry.kind == .directory, nodes[old].kind == .directory {
      nodes[old].entry = Entry(listing: entry, layer: layerCount)
    } else {
      removeTree(name, in: directory)
      try add(name, in: directory, Entry(listing: entry, layer: layerCount), nameOf: first)
    }
  }

  @discardableResult
  private mutating func add(
    _ name: [UInt8], in directory: Int, _ entry: Entry, nameOf first: Int? = nil
  ) throws(TarballError) -> Int {
    let pathCount = nodes[directory].pathCount + name.count + 1
    guard pathCount <= Self.longestPath else {
      throw TarballError(.limitExceeded, "a path of the image has more than \(Self.longestPath) bytes")
    }
    let node = Node(
      entry: entry, parent: directory, name: name, pathCount: pathCount, content: first ?? contentCount,
      hasBytes: first == nil)
    contentCount += 1
    let index = unused.popLast() ?? nodes.count
    if index == nodes.count { nodes.append(node) } else { nodes[index] = node }
    nodes[directory].children[name] = index
    return index
  }

  /// What a hard link is a name of.
  private mutating func target(of link: LayerListing.Entry) throws(TarballError) -> Int {
    let target = try Self.components(of: link.linkTarget ?? [])
    guard let name = target.last, let directory = try resolve(Array(target.dropLast()), creating: false),
      let file = nodes[directory].children[name], nodes[file].kind != .directory
    else {
      throw TarballError(
        .invalidArchive,
        "'\(link.name)' is a hard link to '\(String(decoding: link.linkTarget ?? [], as: UTF8.self))', which is no file of the image"
      )
    }
    // In cpio the last name has the content that all share.
    if link.size ?? 0 > 0, link.digest != nil {
      nodes[file].entry.listing.size = link.size
      nodes[file].entry.listing.digest = link.digest
    }
    return file
  }

  // MARK: Paths

  /// More than any sensible path has.
  private static let mostLinks = 255

  /// The path of a node.
  private func path(of index: Int) -> [UInt8] {
    var names: [[UInt8]] = []
    var index = index
    while index != Self.root {
      names.append(nodes[index].name)
      index = nodes[index].parent
    }
    return Array(names.reversed().joined(separator: [Self.slash]))
  }

  private func text(of index: Int) -> String { String(decoding: path(of: index), as: UTF8.self) }

  /// The directory at a path when symbolic links on the way are followed; `nil` when it is not there.
  /// - Parameter creating: Whether to make what is missing.
  private mutating func resolve(_ path: [[UInt8]], creating: Bool) throws(TarballError) -> Int? {
    // The next component last.
    var rest = Array(path.reversed())
    var directory = Self.root
    var links = 0
    while let name = rest.popLast() {
      if name == [UInt8(ascii: ".")] { continue }
      if name == Array("..".utf8) {
        // The root's parent is the root.
        directory = nodes[directory].parent
        continue
      }
      guard let next = nodes[directory].children[name] else {
        guard creating else { return nil }
        directory = try add(name, in: directory, Entry(listing: .directory, layer: nil))
        continue
      }
      switch nodes[next].kind {
      case .directory: directory = next
      case .symlink:
        links += 1
        guard links <= Self.mostLinks else {
          throw TarballError(.invalidArchive, "symbolic links lead in a circle at '\(text(of: next))'")
        }
        let target = nodes[next].entry.listing.linkTarget ?? []
        if target.first == Self.slash { directory = Self.root }
        rest += target.split(separator: Self.slash).map(Array.init).reversed()
        guard rest.count <= Self.longestPath else {
          throw TarballError(.limitExceeded, "symbolic links make a path of more than \(Self.longestPath) parts")
        }
      default:
        guard creating else { return nil }
        throw TarballError(
          .invalidArchive, "'\(text(of: next))' is no directory, but a layer has members below it")
      }
    }
    return directory
  }
}

extension LayerListing.Entry {
  /// One that no layer describes.
  fileprivate static let directory: LayerListing.Entry = {
    var entry = LayerListing.Entry(path: [], kind: .directory)
    entry.mode = 0o755
    entry.uid = 0
    entry.gid = 0
    return entry
  }()
}

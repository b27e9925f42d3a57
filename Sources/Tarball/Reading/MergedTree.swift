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
  }

  private struct Node: Sendable {
    var entry: Entry
    /// The names in a directory.
    var children: Set<[UInt8]> = []
    var isDirectory: Bool { entry.listing.kind == .directory }
  }

  private static let rootPath = [UInt8(ascii: ".")]
  private static let slash = UInt8(ascii: "/")
  /// Longer paths no system takes; layers that nest links could make them without end.
  private static let longestPath = 64 << 10

  /// By path. Flat, so that no tree is too deep for a stack.
  private var nodes: [[UInt8]: Node] = [rootPath: Node(entry: Entry(listing: .directory(at: rootPath), layer: nil))]
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
    var open = [Self.rootPath]
    while let path = open.popLast() {
      guard let node = nodes[path] else { continue }
      // The root is there without anybody naming it.
      if path != Self.rootPath || node.entry.layer != nil { result.append(node.entry) }
      open += node.children.sorted { $1.lexicographicallyPrecedes($0) }.map { Self.path(path, $0) }
    }
    return result
  }

  /// The tree as a listing, for comparing.
  public var listing: LayerListing { LayerListing(entries: entries.map(\.listing)) }

  /// Puts a layer over the tree. Whiteouts act on what was there before, wherever they are in the layer. A symbolic link on
  /// the way to a member is followed, inside the tree, as runtimes do.
  /// - Throws: `TarballError.Code.unsafePath` for a name with `..` in it, `invalidArchive` for a hard link to nothing, a member
  ///   below a file, and links that lead in a circle.
  public mutating func apply(_ layer: LayerListing) throws(TarballError) {
    let members = try layer.entries.map { entry throws(TarballError) in Member(entry, try Self.components(of: entry.path)) }
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
      throw TarballError(.unsafePath, "'\(String(decoding: path, as: UTF8.self))' has '..' in it, so it could lead out of the image")
    }
    guard parts.last != Whiteout.prefix else {
      throw TarballError(.invalidArchive, "'\(String(decoding: path, as: UTF8.self))' is a whiteout of nothing")
    }
    return parts
  }

  private mutating func removeContents(of member: Member) throws(TarballError) {
    guard let path = try resolve(member.parent, creating: false) else { return }
    for name in nodes[path]?.children ?? [] { removeTree(name, in: path) }
  }

  private mutating func remove(_ member: Member) throws(TarballError) {
    guard let name = member.name, let path = try resolve(member.parent, creating: false) else { return }
    removeTree(name, in: path)
  }

  private mutating func removeTree(_ name: [UInt8], in parent: [UInt8]) {
    nodes[parent]?.children.remove(name)
    var open = [Self.path(parent, name)]
    while let path = open.popLast() {
      guard let node = nodes.removeValue(forKey: path) else { continue }
      open += node.children.map { Self.path(path, $0) }
    }
  }

  private mutating func insert(_ member: Member) throws(TarballError) {
    var entry = member.entry
    guard let name = member.name else {
      guard entry.kind == .directory else {
        throw TarballError(.invalidArchive, "the root of the image is no directory in a layer")
      }
      entry.path = Self.rootPath
      nodes[Self.rootPath]?.entry = Entry(listing: entry, layer: layerCount)
      return
    }
    if entry.kind == .hardLink { entry = try resolved(entry) }
    guard let parent = try resolve(member.parent, creating: true) else { return }
    let path = Self.path(parent, name)
    entry.path = path
    let isMerged = entry.kind == .directory && nodes[path]?.isDirectory == true
    if !isMerged { removeTree(name, in: parent) }
    nodes[parent]?.children.insert(name)
    nodes[path, default: Node(entry: Entry(listing: entry, layer: nil))].entry = Entry(listing: entry, layer: layerCount)
  }

  /// What a hard link is a name of.
  private mutating func resolved(_ link: LayerListing.Entry) throws(TarballError) -> LayerListing.Entry {
    let target = try Self.components(of: link.linkTarget ?? [])
    guard let name = target.last, let parent = try resolve(Array(target.dropLast()), creating: false),
      let node = nodes[Self.path(parent, name)], !node.isDirectory
    else {
      throw TarballError(
        .invalidArchive,
        "'\(link.name)' is a hard link to '\(String(decoding: link.linkTarget ?? [], as: UTF8.self))', which is no file of the image"
      )
    }
    // In cpio the last name has the content that all share.
    if link.size ?? 0 > 0, link.digest != nil {
      nodes[Self.path(parent, name)]?.entry.listing.size = link.size
      nodes[Self.path(parent, name)]?.entry.listing.digest = link.digest
    }
    return nodes[Self.path(parent, name)]?.entry.listing ?? node.entry.listing
  }

  // MARK: Paths

  /// More than any sensible path has.
  private static let mostLinks = 255

  private static func path(_ parent: [UInt8], _ name: [UInt8]) -> [UInt8] {
    parent == rootPath ? name : parent + [slash] + name
  }

  /// Where a directory is when symbolic links on the way are followed; `nil` when it is not there.
  /// - Parameter creating: Whether to make what is missing.
  private mutating func resolve(_ path: [[UInt8]], creating: Bool) throws(TarballError) -> [UInt8]? {
    var rest = path[...]
    var done = Self.rootPath
    var links = 0
    while let name = rest.popFirst() {
      if name == [UInt8(ascii: ".")] { continue }
      if name == Array("..".utf8) {
        // The root's parent is the root.
        done = done.lastIndex(of: Self.slash).map { Array(done[..<$0]) } ?? Self.rootPath
        continue
      }
      let next = Self.path(done, name)
      guard next.count <= Self.longestPath else {
        throw TarballError(.limitExceeded, "a path of the image has more than \(Self.longestPath) bytes")
      }
      guard let node = nodes[next] else {
        guard creating else { return nil }
        nodes[done]?.children.insert(name)
        nodes[next] = Node(entry: Entry(listing: .directory(at: next), layer: nil))
        done = next
        continue
      }
      switch node.entry.listing.kind {
      case .directory: done = next
      case .symlink:
        links += 1
        let target = node.entry.listing.linkTarget ?? []
        guard links <= Self.mostLinks else {
          throw TarballError(.invalidArchive, "symbolic links lead in a circle at '\(node.entry.listing.name)'")
        }
        if target.first == Self.slash { done = Self.rootPath }
        rest = (target.split(separator: Self.slash).map(Array.init) + rest)[...]
      default:
        guard creating else { return nil }
        throw TarballError(
          .invalidArchive, "'\(node.entry.listing.name)' is no directory, but a layer has members below it")
      }
    }
    return done
  }
}

extension LayerListing.Entry {
  fileprivate static func directory(at path: [UInt8]) -> LayerListing.Entry {
    var entry = LayerListing.Entry(path: path, kind: .directory)
    entry.mode = 0o755
    entry.uid = 0
    entry.gid = 0
    return entry
  }
}

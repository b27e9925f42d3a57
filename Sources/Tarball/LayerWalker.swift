internal import OCICore
internal import SystemPackage

/// Walks a recipe depth first, each directory by the bytes of its names, parents before children, and writes every entry.
struct LayerWalker {
  private let metadata: MetadataPolicy
  private var writer: LayerBatchWriter

  private static let whiteoutPrefix = Array(".wh.".utf8)

  /// Something of the host that one path of the image gets.
  private struct Found {
    var host: HostFileSystem.Path
    var status: HostStatus
  }

  /// Walks the whole recipe; blocks, on file calls and on `emit`.
  static func walk(_ recipe: LayerRecipe, emit: @escaping (LayerBatch) throws -> Void) throws {
    let tree = try LayerTree(recipe)
    var walker = LayerWalker(metadata: recipe.metadata, writer: LayerBatchWriter(emit: emit))
    var roots: [Found] = []
    for host in tree.root.sources.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let found = Found(host: host, status: try HostFileSystem.status(host))
      guard found.status.kind == .directory else {
        throw TarballError(
          .invalidRecipe,
          "'\(HostFileSystem.text(host))' cannot be put at '/': only a directory has content to put there")
      }
      roots.append(found)
    }
    try walker.directory(tree.root, roots, path: [])
    try walker.writer.finish()
  }

  /// Writes what is in a directory of the image: what the recipe puts there and what the host's directories hold.
  private mutating func directory(_ node: LayerTree.Node?, _ hosts: [Found], path: [UInt8]) throws {
    var entries: [[UInt8]: [Found]] = [:]
    for host in hosts {
      for (name, status) in try HostFileSystem.list(host.host) {
        entries[name, default: []].append(
          Found(host: HostFileSystem.path(host.host, appending: name), status: status))
      }
    }
    for (name, child) in node?.children ?? [:] {
      for host in child.sources.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        entries[name, default: []].append(Found(host: host, status: try HostFileSystem.status(host)))
      }
      if entries[name] == nil { entries[name] = [] }
    }
    for name in entries.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      guard !name.starts(with: Self.whiteoutPrefix) else {
        throw TarballError(
          .reservedName,
          "'\(String(decoding: path + name, as: UTF8.self))' begins with '.wh.', which layers use for deletions; rename it"
        )
      }
      try entry(node?.children[name], entries[name] ?? [], path: path + name)
    }
  }

  private mutating func entry(_ node: LayerTree.Node?, _ found: [Found], path: [UInt8]) throws {
    guard let first = found.first else {
      try write(directory: path, mode: 0o755)
      return try directory(node, [], path: path + [UInt8(ascii: "/")])
    }
    for other in found.dropFirst() { try requireEqual(first, other, path) }
    switch first.status.kind {
    case .directory:
      try write(directory: path, mode: first.status.mode)
      try directory(node, found, path: path + [UInt8(ascii: "/")])
    case .file:
      try requireLeaf(node, first, path)
      let entry = TarEntry(
        path: path, kind: .file(size: first.status.size), mode: first.status.mode, uid: metadata.uid,
        gid: metadata.gid, modificationTime: metadata.modificationTime)
      try writer.append(entry, source: first.host, status: first.status)
    case .symlink:
      try requireLeaf(node, first, path)
      let entry = TarEntry(
        path: path, kind: .symlink(target: try HostFileSystem.linkTarget(first.host)), mode: 0o777, uid: metadata.uid,
        gid: metadata.gid, modificationTime: metadata.modificationTime)
      try writer.append(entry, source: first.host, status: nil)
    case .other(let what):
      throw TarballError(
        .unsupportedEntry, "'\(HostFileSystem.text(first.host))' is \(what), which a layer cannot hold; remove it")
    }
  }

  private mutating func write(directory path: [UInt8], mode: UInt32) throws {
    let entry = TarEntry(
      path: path + [UInt8(ascii: "/")], kind: .directory, mode: mode, uid: metadata.uid, gid: metadata.gid,
      modificationTime: metadata.modificationTime)
    try writer.append(entry, source: [], status: nil)
  }

  // MARK: Conflicts

  /// Something below a path that is no directory cannot be.
  private func requireLeaf(_ node: LayerTree.Node?, _ found: Found, _ path: [UInt8]) throws(TarballError) {
    guard node?.children.isEmpty ?? true else {
      throw TarballError(
        .conflict,
        "'\(HostFileSystem.text(found.host))' is at '/\(String(decoding: path, as: UTF8.self))', where other sources need a directory"
      )
    }
  }

  /// Two sources may meet at one path only with the same thing; directories are merged, of the same mode.
  private func requireEqual(_ first: Found, _ other: Found, _ path: [UInt8]) throws(TarballError) {
    var isEqual = first.status.kind == other.status.kind && first.status.mode == other.status.mode
    switch first.status.kind {
    case .file where isEqual && first.status.size == other.status.size:
      isEqual = try hasEqualContent(first, other)
    case .symlink where isEqual:
      let target = try HostFileSystem.linkTarget(first.host)
      isEqual = try HostFileSystem.linkTarget(other.host) == target
    case .file: isEqual = false
    case .symlink, .directory, .other: break
    }
    guard isEqual else {
      if first.status.kind == .directory, other.status.kind == .directory {
        throw TarballError(
          .conflict,
          "'\(HostFileSystem.text(first.host))' and '\(HostFileSystem.text(other.host))' have different modes, \(String(first.status.mode, radix: 8)) and \(String(other.status.mode, radix: 8)), so they cannot be merged into one directory"
        )
      }
      throw TarballError(
        .conflict,
        "'\(HostFileSystem.text(first.host))' and '\(HostFileSystem.text(other.host))' differ, and both belong at '/\(String(decoding: path, as: UTF8.self))'; leave one of them out"
      )
    }
  }

  private func hasEqualContent(_ first: Found, _ other: Found) throws(TarballError) -> Bool {
    var offset: Int64 = 0
    while offset < first.status.size {
      let count = Int(min(Int64(LayerBatch.size), first.status.size - offset))
      var left: [UInt8] = []
      var right: [UInt8] = []
      try HostFileSystem.read(first.host, expecting: first.status, offset: offset, count: count, into: &left)
      try HostFileSystem.read(other.host, expecting: other.status, offset: offset, count: count, into: &right)
      guard left == right else { return false }
      offset += Int64(count)
    }
    return true
  }
}

internal import OCICore
internal import SystemPackage

/// Symbolic links in the archive of a store path, as far as they stay in it.
extension ArchiveTree {
  /// More than any sensible path has.
  private static let mostLinks = 40

  /// Where a member leads in the end, if it is a link.
  func followed(_ place: Int) throws(TarballError) -> Int {
    guard let entry = nodes[place].entry, entry.kind == .symlink else { return place }
    guard let target = resolve(components(entry.path), followsLast: true) else {
      throw TarballError(
        .unreadable,
        "the symbolic link '\(path.appending(entry.name))' leads nowhere, in a circle, or out of the store path, which is not on this machine; keep links as they are, or fetch what it leads to"
      )
    }
    return target
  }

  /// The place of a path of the host at or below the store path.
  func place(of host: FilePath) throws(TarballError) -> Int? {
    var rest = host
    guard rest.removePrefix(path), let place = resolve(components(bytes(rest)), followsLast: false) else {
      throw TarballError(
        .unreadable, "'\(host)' is not in '\(path)', which is not on this machine; correct the path, or take it out")
    }
    return place
  }

  private func components(_ path: [UInt8]) -> [[UInt8]] { path.split(separator: UInt8(ascii: "/")).map(Array.init) }

  private func bytes(_ path: FilePath) -> [UInt8] { Array(HostFileSystem.path(path).dropLast()) }

  private func resolve(_ components: [[UInt8]], followsLast: Bool) -> Int? {
    // The next component last; the directories on the way, the innermost last.
    var rest = Array(components.reversed())
    var places = [Self.root]
    var links = 0
    while let name = rest.popLast() {
      if name == Array(".".utf8) { continue }
      if name == Array("..".utf8) {
        places.removeLast()
        if places.isEmpty { return nil }
        continue
      }
      guard let place = places.last, let next = nodes[place].children[name] else { return nil }
      guard nodes[next].entry?.kind == .symlink, followsLast || !rest.isEmpty else {
        places.append(next)
        continue
      }
      links += 1
      guard links <= Self.mostLinks, var target = nodes[next].entry?.linkTarget else { return nil }
      if target.first == UInt8(ascii: "/") {
        let own = bytes(path) + [UInt8(ascii: "/")]
        guard (target + [UInt8(ascii: "/")]).starts(with: own) else { return nil }
        target = Array(target.dropFirst(own.count))
        places = [Self.root]
      }
      rest += self.components(target).reversed()
    }
    return places.last
  }
}

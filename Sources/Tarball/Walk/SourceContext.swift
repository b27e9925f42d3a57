internal import OCICore
internal import SystemPackage

/// Something that one path of the image gets: from the host, from an archive, by description.
struct Found {
  enum Thing {
    case host(HostFile, HostStatus?)
    case archive(ArchiveTree, Int)
    case entry(LayerEntry)
  }

  var thing: Thing
  let context: SourceContext

  init(_ thing: Thing, _ context: SourceContext) {
    self.thing = thing
    self.context = context
  }

  /// Its place in the recipe; entries come last.
  var order: Int { context.order }

  /// Whether it is one; looks at the host where that is not known yet.
  mutating func isDirectory() throws(TarballError) -> Bool {
    switch thing {
    case .host(let file, let known):
      var status = if let known { known } else { try HostFileSystem.status(file) }
      var target = file
      if status.kind == .symlink, context.followsLinks {
        target = try HostFileSystem.followed(file)
        status = try HostFileSystem.status(target)
      }
      thing = .host(target, status)
      return status.kind == .directory
    case .archive(let archive, var place):
      if context.followsLinks, archive.isStore {
        place = try archive.followed(place)
        thing = .archive(archive, place)
      }
      return archive.nodes[place].isDirectory
    case .entry(let entry): return entry.kind == .directory
    }
  }

  /// What it is called in messages.
  var name: String {
    switch thing {
    case .host(let file, _): return "'\(file.text)'"
    case .archive(let archive, let place):
      let member = archive.nodes[place].entry.map { String(decoding: $0.path, as: UTF8.self) }
      if archive.isStore { return "'\(archive.path.appending(member == "." ? "" : member ?? ""))'" }
      return "'\(member ?? "/")' in '\(archive.path)'"
    case .entry: return "an entry of the recipe"
    }
  }
}

/// What the walk has to know of the source that it is in.
final class SourceContext {
  let order: Int
  private let source: LayerRecipe.Source?
  private let rules: SourceRules?
  let followsLinks: Bool
  var hasRules: Bool { rules != nil }
  /// The length of the destination's path.
  private let prefixCount: Int

  init(_ source: LayerRecipe.Source, order: Int) throws(TarballError) {
    guard source.form != .verbatimTar else {
      throw TarballError(
        .invalidRecipe,
        "'\(source.host)' is to be kept to the byte, so nothing else may be in its layer; give it one of its own")
    }
    self.source = source
    self.order = order
    rules = SourceRules(source)
    followsLinks = source.followsLinks
    prefixCount = try LayerTree.name(of: source.destination).count
  }

  private init() {
    source = nil
    order = .max
    rules = nil
    followsLinks = false
    prefixCount = 0
  }

  /// That of what the recipe describes itself.
  static var none: SourceContext { SourceContext() }

  func verdict(_ path: [UInt8], isDirectory: Bool) -> SourceRules.Verdict {
    rules?.verdict(relative(path), isDirectory: isDirectory) ?? .keep
  }

  /// Changes the metadata; gives the rules that had to match and did.
  func apply(to entry: inout TarEntry, _ path: [UInt8]) -> [PathRule] {
    rules?.apply(to: &entry, relative(path)) ?? []
  }

  private func relative(_ path: [UInt8]) -> ArraySlice<UInt8> {
    path.dropFirst(prefixCount).drop { $0 == UInt8(ascii: "/") }
  }

  /// Where the source's part is; `nil` where there is none and need not be.
  func locate(in archive: ArchiveTree?) throws -> Found? {
    guard let source else { return nil }
    let parts = source.subtree.components.map { component in
      Array(HostFileSystem.path(FilePath(root: nil, [component])).dropLast())
    }
    guard !parts.contains(Array("..".utf8)) else {
      throw TarballError(.unsafePath, "'\(source.subtree)' may not contain '..'")
    }
    if let archive {
      var start = ArchiveTree.root
      if archive.isStore, let place = try archive.place(of: source.host) { start = place }
      if let place = archive.find(parts, from: start) { return Found(.archive(archive, place), self) }
    } else if parts.isEmpty {
      return Found(.host(HostFile(source.host), nil), self)
    } else if let file = try locate(source.subtree, in: source.host) {
      return Found(.host(file, nil), self)
    }
    if source.allowsMissing { return nil }
    throw TarballError(.unreadable, "'\(source.host)' has no '\(source.subtree)'; correct the path, or take it out")
  }

  /// Goes down one directory at a time, through no link.
  private func locate(_ subtree: FilePath, in host: FilePath) throws(TarballError) -> HostFile? {
    var path = host
    for component in subtree.components {
      guard try HostFileSystem.status(HostFile(path)).kind == .directory else { return nil }
      path.append(component)
      let isThere: Bool
      do { isThere = try FileSystem.existsWithoutFollowing(path) } catch {
        throw TarballError(.unreadable, error.message)
      }
      if !isThere { return nil }
    }
    return HostFile(path)
  }
}

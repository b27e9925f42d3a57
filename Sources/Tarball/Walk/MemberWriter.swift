internal import OCICore
internal import SystemPackage

/// Says what things are called and how they are described in the archive.
struct MemberWriter {
  let metadata: MetadataPolicy

  private func name(_ path: [UInt8], isDirectory: Bool) -> [UInt8] {
    switch metadata.naming {
    case .relative where path.isEmpty: Array("./".utf8)
    case .relative: isDirectory ? path + [UInt8(ascii: "/")] : path
    case .absolute: [UInt8(ascii: "/")] + path
    }
  }

  private func entry(
    _ kind: TarEntry.Kind, mode: UInt32, at path: [UInt8], extendedAttributes: [ExtendedAttribute] = []
  ) -> TarEntry {
    TarEntry(
      path: name(path, isDirectory: kind == .directory), kind: kind, mode: mode, uid: metadata.uid, gid: metadata.gid,
      userName: metadata.userName.isEmpty ? [] : Array(metadata.userName.utf8),
      groupName: metadata.groupName.isEmpty ? [] : Array(metadata.groupName.utf8),
      modificationTime: metadata.modificationTime, extendedAttributes: extendedAttributes)
  }

  func member(_ found: Found, at path: [UInt8]) throws -> LayerMember {
    switch found.thing {
    case .host(let file, let status):
      let status = try status ?? HostFileSystem.status(file)
      return LayerMember(try entry(file, status, at: path), .host(file, status))
    case .archive(let archive, let place):
      let node = archive.nodes[place]
      let content = node.content.map {
        EntryContent.archive(archive.contents, member: $0, digest: node.entry?.digest)
      }
      return LayerMember(entry(node, of: archive, at: path), content ?? .none)
    case .entry(let described):
      var content = EntryContent.none
      if case .file(let bytes) = described.kind { content = .bytes(bytes) }
      return LayerMember(entry(described, at: path), content)
    }
  }

  private func entry(_ host: HostFile, _ status: HostStatus, at path: [UInt8]) throws(TarballError) -> TarEntry {
    func refuse(_ what: String) -> TarballError {
      TarballError(.unsupportedEntry, "'\(host.text)' is \(what); remove it")
    }
    let mode = metadata.mode(status.mode, isDirectory: status.kind == .directory)
    let (major, minor) = status.deviceNumbers
    switch status.kind {
    case .file, .directory:
      return entry(
        status.kind == .file ? .file(size: status.size) : .directory, mode: mode, at: path,
        extendedAttributes: try HostFileSystem.extendedAttributes(host, allowed: metadata.extendedAttributes))
    case .symlink: return entry(.symlink(target: try HostFileSystem.linkTarget(host)), mode: 0o777, at: path)
    case .fifo: return entry(.fifo, mode: mode, at: path)
    case .blockDevice: return entry(.blockDevice(major: major, minor: minor), mode: mode, at: path)
    case .characterDevice:
      // In a layer it would hide what lower layers have, to some runtimes.
      if major == 0, minor == 0 {
        throw refuse("a whiteout of an overlay file system, which a layer writes another way")
      }
      return entry(.characterDevice(major: major, minor: minor), mode: mode, at: path)
    case .socket: throw refuse("a socket, which a layer cannot hold")
    }
  }

  private func entry(_ node: ArchiveTree.Node, of archive: ArchiveTree, at path: [UInt8]) -> TarEntry {
    let options = archive.options
    guard let listed = node.entry else { return entry(.directory, mode: 0o755, at: path) }
    let (major, minor) = (listed.device?.major ?? 0, listed.device?.minor ?? 0)
    let kind: TarEntry.Kind =
      switch listed.kind {
      case .file, .hardLink: .file(size: node.size)
      case .directory: .directory
      case .symlink: .symlink(target: listed.linkTarget ?? [])
      case .characterDevice: .characterDevice(major: major, minor: minor)
      case .blockDevice: .blockDevice(major: major, minor: minor)
      case .fifo: .fifo
      }
    var mode = listed.mode ?? (listed.kind == .directory ? 0o755 : 0o644)
    // As the store path's files would be.
    if archive.isStore { mode = metadata.mode(mode, isDirectory: listed.kind == .directory) }
    var entry = entry(kind, mode: listed.kind == .symlink ? 0o777 : mode, at: path)
    if options.keepsOwnersAndTimes {
      entry.uid = listed.uid ?? entry.uid
      entry.gid = listed.gid ?? entry.gid
      entry.userName = listed.userName
      entry.groupName = listed.groupName
      entry.modificationTime = listed.modificationTime ?? entry.modificationTime
    }
    if listed.kind != .symlink {
      entry.extendedAttributes = listed.extendedAttributes.filter {
        !$0.value.isEmpty && (options.keepsExtendedAttributes || metadata.extendedAttributes.admits($0.name[...]))
      }
    }
    return entry
  }

  func entry(_ described: LayerEntry, at path: [UInt8]) -> TarEntry {
    let kind: TarEntry.Kind =
      switch described.kind {
      case .file(let bytes): .file(size: Int64(bytes.count))
      case .directory: .directory
      case .symlink(let target): .symlink(target: target)
      case .hardLink(let target): .hardLink(target: linkName(of: target))
      case .characterDevice(let major, let minor): .characterDevice(major: major, minor: minor)
      case .blockDevice(let major, let minor): .blockDevice(major: major, minor: minor)
      case .fifo: .fifo
      case .whiteout, .opaqueDirectory: .file(size: 0)
      }
    var result = entry(kind, mode: described.effectiveMode, at: path)
    result.uid = described.uid ?? result.uid
    result.gid = described.gid ?? result.gid
    if let name = described.userName { result.userName = Array(name.utf8) }
    if let name = described.groupName { result.groupName = Array(name.utf8) }
    result.modificationTime = described.modificationTime ?? result.modificationTime
    result.extendedAttributes = described.extendedAttributes.filter { !$0.value.isEmpty }
      .map { ExtendedAttribute(name: Array($0.key.utf8), value: $0.value) }
      .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    for (key, value) in described.paxRecords { result.set(record: Array(key.utf8), value) }
    return result
  }

  /// The name that a hard link's target has in the archive. Destinations were checked before.
  private func linkName(of target: FilePath) -> [UInt8] {
    let name = (try? LayerTree.name(of: target)) ?? []
    return metadata.naming == .absolute ? [UInt8(ascii: "/")] + name : name
  }

  // MARK: Conflicts

  typealias Kept = (found: Found, member: LayerMember)

  func requireEqual(_ first: Kept, _ other: Kept, at path: [UInt8]) throws {
    let (mine, others) = (first.member, other.member)
    if mine.entry == others.entry {
      if mine.entry.size == 0 { return }
      if try EqualContent.check(mine.content, others.content, size: mine.entry.size) { return }
    }
    if mine.entry.kind == .directory, others.entry.kind == .directory, mine.entry.mode != others.entry.mode {
      throw TarballError(
        .conflict,
        "\(first.found.name) and \(other.found.name) have different modes, \(String(mine.entry.mode, radix: 8)) and \(String(others.entry.mode, radix: 8)), so they cannot be merged into one directory"
      )
    }
    throw conflict(first.found.name, other.found.name, at: path)
  }

  func conflict(_ first: String, _ other: String, at path: [UInt8]) -> TarballError {
    TarballError(
      .conflict,
      "\(first) and \(other) differ, and both belong at '/\(String(decoding: path, as: UTF8.self))'; leave one of them out, or let the last win"
    )
  }
}

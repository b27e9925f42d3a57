internal import OCICore
package import SystemPackage

/// What is in the archive of a store path without its content, but with how programs begin.
package struct StoreListing: Sendable {
  /// What is at a path.
  package enum Item: Sendable, Hashable {
    /// A file; its first bytes where it is an ELF file.
    case file(beginning: [UInt8])
    /// A directory, with its names in the order of their bytes.
    case directory(names: [String])
    /// A symbolic link.
    case symlink(target: FilePath)
  }

  /// The store path.
  package let path: FilePath
  private let items: [FilePath: Item]
  /// How many items there are.
  package var count: Int { items.count }

  /// Reads an archive once.
  /// - Parameter beginningLength: How many bytes of programs are kept; programs that are shorter are not looked at.
  /// - Throws: As `LayerRecipe.digests`.
  package init(_ archive: StoreArchive, beginningLength: Int) async throws {
    path = archive.path
    let cancellation = ReadingCancellation()
    items = try await WorkerThread.run(onCancel: cancellation.cancel) {
      let file = StoreArchiveFile(
        archive, room: HoldingRoom(0), cancellation: cancellation, isCancelled: { false })
      var items: [FilePath: Item] = [:]
      try ArchivePass(file).forEachMember { reader, member, _ in
        let path = FilePath(String(decoding: member.name, as: UTF8.self)).lexicallyNormalized()
        switch member.entry.kind {
        case .directory: items[path] = .directory(names: [])
        case .symlink:
          items[path] = .symlink(target: FilePath(String(decoding: member.entry.linkTarget ?? [], as: UTF8.self)))
        default: items[path] = .file(beginning: try Self.beginning(reader, beginningLength))
        }
        guard let name = path.lastComponent else { return }
        let parent = path.removingLastComponent()
        guard case .directory(var names) = items[parent] else { return }
        // Not to copy the names each time.
        items[parent] = nil
        names.append(name.string)
        items[parent] = .directory(names: names)
      }
      return items
    }
  }

  private static func beginning(_ reader: any MemberReader, _ length: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < length, try reader.nextChunk({ bytes += [UInt8](copying: $0.extracting(first: length)) }) {}
    return bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) && bytes.count >= length ? Array(bytes.prefix(length)) : []
  }

  /// What is at a path of this machine's that is the store path or below it; no link on the way is followed.
  package func item(at path: FilePath) -> Item? {
    var rest = path
    guard rest.removePrefix(self.path) else { return nil }
    return items[rest]
  }
}

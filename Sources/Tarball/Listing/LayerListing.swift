public import OCICore

/// What is in a layer, member by member, in the order of the archive: the answer to "which file changed?".
///
/// Made in the same pass as a layer's digests, read from an archive, or read from a BSD mtree file.
public struct LayerListing: Sendable, Hashable {
  /// One member.
  public struct Entry: Sendable, Hashable {
    /// What a member is.
    public enum Kind: String, Sendable, Hashable {
      /// A file, hard links included when they are resolved.
      case file
      /// A directory.
      case directory
      /// A symbolic link.
      case symlink
      /// A second name of a file.
      case hardLink
      /// A character device.
      case characterDevice
      /// A block device.
      case blockDevice
      /// A named pipe.
      case fifo
    }

    /// A device's major and minor number.
    public struct DeviceNumber: Sendable, Hashable {
      /// The driver.
      public var major: UInt32
      /// The device.
      public var minor: UInt32

      /// Creates a number.
      public init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
      }
    }

    /// The path below the root, as bytes: `usr/bin/env`, without a slash at either end; `.` for the root itself.
    public var path: [UInt8]
    /// What it is.
    public var kind: Kind
    /// The permission bits with setuid, setgid and sticky; `nil` when unknown, as other fields of other people's mtree files.
    public var mode: UInt32?
    /// The owner.
    public var uid: Int64?
    /// The group.
    public var gid: Int64?
    /// The owner's name; empty for none.
    public var userName: [UInt8] = []
    /// The group's name; empty for none.
    public var groupName: [UInt8] = []
    /// A file's length in bytes.
    public var size: Int64?
    /// Seconds since 1970.
    public var modificationTime: Int64?
    /// Where a link leads: a symbolic link's target as written, the path of a hard link's file.
    public var linkTarget: [UInt8]?
    /// Of devices.
    public var device: DeviceNumber?
    /// Sorted by name.
    public var extendedAttributes: [ExtendedAttribute] = []
    /// The SHA-256 of a file's content.
    public var digest: Digest?

    /// Creates a member.
    public init(path: [UInt8], kind: Kind) {
      self.path = path
      self.kind = kind
    }

    /// The path for people.
    public var name: String { String(decoding: path, as: UTF8.self) }
  }

  /// The members.
  public var entries: [Entry]

  /// Creates a listing.
  public init(entries: [Entry] = []) { self.entries = entries }

  /// The digest of what an empty file holds.
  static let emptyDigest = Digest.of([])

  /// A name of an archive as listings have it: relative, without `.` and doubled slashes; `..` is left where it is.
  static func normalized(_ name: some Collection<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for part in name.split(separator: UInt8(ascii: "/")) where !part.elementsEqual([UInt8(ascii: ".")]) {
      if !result.isEmpty { result.append(UInt8(ascii: "/")) }
      result.append(contentsOf: part)
    }
    return result.isEmpty ? [UInt8(ascii: ".")] : result
  }
}

extension LayerListing.Entry {
  init(_ entry: TarEntry) {
    let kind: Kind =
      switch entry.kind {
      case .file: .file
      case .directory: .directory
      case .symlink: .symlink
      case .hardLink: .hardLink
      case .characterDevice: .characterDevice
      case .blockDevice: .blockDevice
      case .fifo: .fifo
      }
    self.init(path: LayerListing.normalized(entry.path), kind: kind)
    mode = entry.mode
    uid = entry.uid
    gid = entry.gid
    userName = entry.userName
    groupName = entry.groupName
    modificationTime = entry.modificationTime
    extendedAttributes = entry.extendedAttributes
    switch entry.kind {
    case .file(let size):
      self.size = size
      if size == 0 { digest = LayerListing.emptyDigest }
    case .symlink(let target): linkTarget = target
    case .hardLink(let target): linkTarget = LayerListing.normalized(target)
    case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
      device = DeviceNumber(major: major, minor: minor)
    case .directory, .fifo: break
    }
  }
}

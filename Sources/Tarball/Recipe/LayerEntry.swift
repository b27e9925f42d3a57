internal import OCICore
public import SystemPackage

/// One member of a layer by description, not by what a host holds: a file at hand, a device that no unprivileged user could
/// make, a whiteout.
public struct LayerEntry: Sendable, Hashable {
  /// What a member is.
  public enum Kind: Sendable, Hashable {
    /// A file with these bytes.
    case file([UInt8])
    /// A directory.
    case directory
    /// A symbolic link; the target is written as it is.
    case symlink(target: [UInt8])
    /// A second name of a file that the same layer has, by its absolute path in the image.
    case hardLink(to: FilePath)
    /// A character device.
    case characterDevice(major: UInt32, minor: UInt32)
    /// A block device.
    case blockDevice(major: UInt32, minor: UInt32)
    /// A named pipe.
    case fifo
    /// The deletion of what lower layers have at this path (image-spec, layer.md §whiteouts).
    case whiteout
    /// The deletion of everything that lower layers have in the directory at this path.
    case opaqueDirectory
  }

  /// The absolute path in the image; for a whiteout, that of what is deleted.
  public var path: FilePath
  /// What it is.
  public var kind: Kind
  /// Permission bits with setuid, setgid and sticky; `nil` for 0644, a directory's 0755, a symbolic link's 0777.
  public var mode: UInt32?
  /// The owner, where it is not the policy's.
  public var uid: Int64?
  /// The group, where it is not the policy's.
  public var gid: Int64?
  /// The owner's name, where it is not the policy's; empty for none.
  public var userName: String?
  /// The group's name, where it is not the policy's; empty for none.
  public var groupName: String?
  /// The time, where it is not the policy's.
  public var modificationTime: Int64?
  /// Extended attributes by name; empty values are not written.
  public var extendedAttributes: [String: [UInt8]]
  /// Further PAX records; see `MetadataChange.paxRecords`.
  public var paxRecords: [String: [UInt8]] = [:]

  /// Creates an entry.
  public init(
    _ path: FilePath, _ kind: Kind, mode: UInt32? = nil, uid: Int64? = nil, gid: Int64? = nil,
    modificationTime: Int64? = nil, extendedAttributes: [String: [UInt8]] = [:]
  ) {
    self.path = path
    self.kind = kind
    self.mode = mode
    self.uid = uid
    self.gid = gid
    self.modificationTime = modificationTime
    self.extendedAttributes = extendedAttributes
  }

  var isWhiteout: Bool { kind == .whiteout || kind == .opaqueDirectory }

  var effectiveMode: UInt32 {
    switch kind {
    case .symlink: 0o777
    case .whiteout, .opaqueDirectory: 0
    case .directory: mode ?? 0o755
    default: mode ?? 0o644
    }
  }

  /// Everything that the entry says, on one line.
  var fingerprint: String {
    let what =
      switch kind {
      case .file(let bytes): "file \(bytes.count) \(Digest.of(bytes).hex)"
      case .directory: "directory"
      case .symlink(let target): "symlink \(escaped(target))"
      case .hardLink(let target): "link \(escaped(target))"
      case .characterDevice(let major, let minor): "char \(major):\(minor)"
      case .blockDevice(let major, let minor): "block \(major):\(minor)"
      case .fifo: "fifo"
      case .whiteout: "whiteout"
      case .opaqueDirectory: "opaque"
      }
    var parts = ["entry \(escaped(path)) \(what) mode=\(String(effectiveMode, radix: 8))"]
    if let uid { parts.append("uid=\(uid)") }
    if let gid { parts.append("gid=\(gid)") }
    if let modificationTime { parts.append("mtime=\(modificationTime)") }
    if let userName { parts.append("uname=\(escaped(userName.utf8))") }
    if let groupName { parts.append("gname=\(escaped(groupName.utf8))") }
    parts += MetadataChange.fingerprint("xattr", extendedAttributes) + MetadataChange.fingerprint("pax", paxRecords)
    return parts.joined(separator: " ")
  }
}

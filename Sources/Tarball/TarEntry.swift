/// One member of a layer: what its tar header says.
struct TarEntry {
  enum Kind: Equatable {
    case file(size: Int64)
    case directory
    case symlink(target: [UInt8])
  }

  /// The name in the archive: relative, without `.` or `..`; a directory's ends in a slash.
  var path: [UInt8]
  var kind: Kind
  /// The permission bits with setuid, setgid and sticky; nothing above.
  var mode: UInt32
  var uid: Int64 = 0
  var gid: Int64 = 0
  /// Seconds since 1970.
  var modificationTime: Int64 = 1

  var size: Int64 { if case .file(let size) = kind { size } else { 0 } }

  var linkTarget: [UInt8] { if case .symlink(let target) = kind { target } else { [] } }

  var typeFlag: UInt8 {
    switch kind {
    case .file: UInt8(ascii: "0")
    case .symlink: UInt8(ascii: "2")
    case .directory: UInt8(ascii: "5")
    }
  }
}

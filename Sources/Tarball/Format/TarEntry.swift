/// One member of a layer: what its tar header says.
struct TarEntry: Sendable, Equatable {
  enum Kind: Sendable, Equatable {
    case file(size: Int64)
    case directory
    case symlink(target: [UInt8])
    /// The target is the name of another member, as that member has it.
    case hardLink(target: [UInt8])
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
    case fifo
  }

  /// The name in the archive.
  var path: [UInt8]
  var kind: Kind
  /// The permission bits with setuid, setgid and sticky; nothing above.
  var mode: UInt32
  var uid: Int64 = 0
  var gid: Int64 = 0
  var userName: [UInt8] = []
  var groupName: [UInt8] = []
  /// Seconds since 1970.
  var modificationTime: Int64 = 1
  /// Sorted by name, without empty values.
  var extendedAttributes: [ExtendedAttribute] = []
  /// Further PAX records, sorted by key.
  var paxRecords: [ExtendedAttribute] = []

  mutating func set(attribute name: [UInt8], _ value: [UInt8]) {
    extendedAttributes.set(name, value)
  }

  /// Sets a PAX record; one that holds an extended attribute sets that.
  mutating func set(record key: [UInt8], _ value: [UInt8]) {
    let prefix = TarHeader.attributePrefix
    if key.starts(with: prefix) {
      set(attribute: Array(key.dropFirst(prefix.count)), value)
    } else {
      paxRecords.set(key, value)
    }
  }

  var size: Int64 { if case .file(let size) = kind { size } else { 0 } }

  var linkTarget: [UInt8] {
    switch kind {
    case .symlink(let target), .hardLink(let target): target
    default: []
    }
  }

  var deviceNumbers: (major: UInt32, minor: UInt32) {
    switch kind {
    case .characterDevice(let major, let minor), .blockDevice(let major, let minor): (major, minor)
    default: (0, 0)
    }
  }

  var typeFlag: UInt8 {
    switch kind {
    case .file: UInt8(ascii: "0")
    case .hardLink: UInt8(ascii: "1")
    case .symlink: UInt8(ascii: "2")
    case .characterDevice: UInt8(ascii: "3")
    case .blockDevice: UInt8(ascii: "4")
    case .directory: UInt8(ascii: "5")
    case .fifo: UInt8(ascii: "6")
    }
  }
}

extension [ExtendedAttribute] {
  /// Sets a value and keeps the order; an empty one takes it away.
  fileprivate mutating func set(_ name: [UInt8], _ value: [UInt8]) {
    removeAll { $0.name == name }
    guard !value.isEmpty else { return }
    let place = firstIndex { name.lexicographicallyPrecedes($0.name) } ?? endIndex
    insert(ExtendedAttribute(name: name, value: value), at: place)
  }
}

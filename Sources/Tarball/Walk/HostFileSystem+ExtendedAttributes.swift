internal import HostSystem

extension HostFileSystem {
  /// The extended attributes of a file or directory that a policy lets in, sorted by name; empty values count as absent, as
  /// PAX cannot tell them from a deletion.
  static func extendedAttributes(
    _ file: HostFile, allowed: MetadataPolicy.ExtendedAttributes
  ) throws(TarballError) -> [ExtendedAttribute] {
    guard !allowed.isEmpty else { return [] }
    let path = file.path
    // By path: few systems have such a call relative to a directory.
    let names = try unsafe value(path) { path, buffer, size in unsafe Host.listAttributes(path, buffer, size) }
    var result: [ExtendedAttribute] = []
    for name in names.split(separator: 0) where allowed.admits(name) {
      let value = try unsafe value(path) { path, buffer, size in
        unsafe (Array(name) + [0]).withUnsafeBytes { name in
          unsafe Host.attribute(path, name.baseAddress!.assumingMemoryBound(to: CChar.self), buffer, size)
        }
      }
      if !value.isEmpty { result.append(ExtendedAttribute(name: Array(name), value: value)) }
    }
    return result.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  /// Asks for the size, then for the bytes, again where they grew in between.
  private static func value(
    _ path: Path, _ call: (UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
  ) throws(TarballError) -> [UInt8] {
    while true {
      let size = unsafe path.withUnsafeBytes {
        unsafe call($0.baseAddress!.assumingMemoryBound(to: CChar.self), nil, 0)
      }
      if size < 0 {
        // A file system without attributes has none.
        if errno == ENOTSUP || errno == Host.noSuchAttribute { return [] }
        throw failure("read the extended attributes of", path, errno)
      }
      if size == 0 { return [] }
      var count = 0
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
        count = unsafe path.withUnsafeBytes {
          unsafe call($0.baseAddress!.assumingMemoryBound(to: CChar.self), buffer.baseAddress, size)
        }
        initialized = max(0, count)
      }
      if count >= 0 { return bytes }
      if errno != ERANGE { throw failure("read the extended attributes of", path, errno) }
    }
  }
}

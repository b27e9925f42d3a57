internal import CHostFiles
internal import OCICore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Lists directories with raw system calls and one buffer for all of them.
@safe final class DirectoryReader {
  private static let bufferSize = 64 << 10
  private let buffer: UnsafeMutableRawBufferPointer

  init() { unsafe buffer = .allocate(byteCount: Self.bufferSize, alignment: 16) }

  deinit { unsafe buffer.deallocate() }

  /// The sorted names in a directory and what each is.
  /// - Throws: `TarballError.Code.changed` when it is no directory any more.
  func list(_ directory: HostDirectory) throws(TarballError) -> DirectoryListing {
    guard let descriptor = directory.handle else {
      preconditionFailure("a directory is listed once, when it was opened")
    }
    let path = directory.path
    defer { directory.closeIfCrowded() }
    var listing = DirectoryListing()
    #if canImport(Darwin)
      try readEntries(descriptor, directory, into: &listing)
    #else
      while true {
        let count = unsafe flywheel_read_directory(descriptor, buffer.baseAddress, buffer.count)
        if count == 0 { break }
        guard count > 0 else { throw HostFileSystem.failure("read directory", path, errno) }
        try unsafe append(UnsafeRawBufferPointer(rebasing: buffer[..<count]), descriptor, directory, to: &listing)
      }
    #endif
    listing.sort()
    return listing
  }

  #if canImport(Darwin)
    private func readEntries(
      _ descriptor: Int32, _ directory: HostDirectory, into listing: inout DirectoryListing
    ) throws(TarballError) {
      guard let stream = unsafe fdopendir(dup(descriptor)) else {
        throw HostFileSystem.failure("read directory", directory.path, errno)
      }
      defer { unsafe closedir(stream) }
      while true {
        errno = 0
        guard let entry = unsafe readdir(stream) else {
          if errno != 0 { throw HostFileSystem.failure("read directory", directory.path, errno) }
          return
        }
        try unsafe withUnsafePointer(to: &entry.pointee.d_name) { name throws(TarballError) in
          try unsafe append(
            UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self), isLink: entry.pointee.d_type == DT_LNK,
            descriptor, directory, to: &listing)
        }
      }
    }
  #else
    /// Takes entries apart: inode (8 bytes), offset (8), length of the record (2), type (1), name with NUL (`getdents64(2)`).
    private func append(
      _ records: UnsafeRawBufferPointer, _ descriptor: Int32, _ directory: HostDirectory,
      to listing: inout DirectoryListing
    ) throws(TarballError) {
      var position = 0
      while position < records.count {
        let length = unsafe Int(records.loadUnaligned(fromByteOffset: position + 16, as: UInt16.self))
        let type = unsafe records[position + 18]
        let name = unsafe (records.baseAddress! + position + 19).assumingMemoryBound(to: CChar.self)
        try unsafe append(name, isLink: type == UInt8(DT_LNK), descriptor, directory, to: &listing)
        position += length
      }
    }
  #endif

  private func append(
    _ name: UnsafePointer<CChar>, isLink: Bool, _ descriptor: Int32, _ directory: HostDirectory,
    to listing: inout DirectoryListing
  ) throws(TarballError) {
    let count = unsafe strlen(name)
    let bytes = unsafe UnsafeBufferPointer(
      start: UnsafeRawPointer(name).assumingMemoryBound(to: UInt8.self), count: count)
    let dot = UInt8(ascii: ".")
    if unsafe bytes[0] == dot && (count == 1 || count == 2 && bytes[1] == dot) { return }
    if isLink { return unsafe listing.append(name: bytes, .symlink) }
    var status = stat()
    guard unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      let reason = errno
      let file = unsafe HostFile(in: directory, name: Array(bytes)[...]).path
      throw reason == ENOENT ? HostFileSystem.changed(file) : HostFileSystem.failure("examine", file, reason)
    }
    unsafe listing.append(name: bytes, HostStatus(status))
  }
}

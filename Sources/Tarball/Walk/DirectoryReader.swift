internal import HostSystem
internal import OCICore

/// Lists directories with raw system calls and one buffer for all of them.
@safe final class DirectoryReader {
  private static let bufferSize = 64 << 10
  private let buffer: UnsafeMutableRawBufferPointer

  init() { unsafe buffer = .allocate(byteCount: Self.bufferSize, alignment: 16) }

  deinit { unsafe buffer.deallocate() }

  /// The sorted names in a directory and what each is.
  /// - Parameter examinesFiles: Whether files are looked at, too; otherwise they are where the directory does not say that
  ///   they are files.
  /// - Throws: `TarballError.Code.changed` when it is no directory any more.
  func list(_ directory: HostDirectory, examinesFiles: Bool = true) throws(TarballError) -> DirectoryListing {
    guard let descriptor = directory.handle else {
      preconditionFailure("a directory is listed once, when it was opened")
    }
    let path = directory.path
    defer { directory.closeIfCrowded() }
    var listing = DirectoryListing()
    let reason = try unsafe Host.forEachName(in: descriptor, buffer: buffer) { name, type throws(TarballError) in
      let isExamined =
        switch type {
        case .file: examinesFiles
        case .symlink: false
        case .other: true
        }
      try unsafe append(name, isExamined ? nil : type, descriptor, directory, to: &listing)
    }
    guard reason == 0 else { throw HostFileSystem.failure("read directory", path, reason) }
    listing.sort()
    return listing
  }

  /// - Parameter type: What it is; `nil` where that is to be asked.
  private func append(
    _ name: UnsafePointer<CChar>, _ type: Host.NameType?, _ descriptor: Int32, _ directory: HostDirectory,
    to listing: inout DirectoryListing
  ) throws(TarballError) {
    let count = unsafe strlen(name)
    let bytes = unsafe UnsafeBufferPointer(
      start: UnsafeRawPointer(name).assumingMemoryBound(to: UInt8.self), count: count)
    let dot = UInt8(ascii: ".")
    if unsafe bytes[0] == dot && (count == 1 || count == 2 && bytes[1] == dot) { return }
    switch type {
    case .symlink: return unsafe listing.append(name: bytes, .symlink)
    case .file, .other: return unsafe listing.append(name: bytes, nil)
    case nil: break
    }
    var status = stat()
    guard unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      let reason = errno
      let file = unsafe HostFile(in: directory, name: (Array(bytes) + [0])[...]).path
      throw reason == ENOENT ? HostFileSystem.changed(file) : HostFileSystem.failure("examine", file, reason)
    }
    unsafe listing.append(name: bytes, HostStatus(status))
  }
}

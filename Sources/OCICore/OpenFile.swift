internal import HostSystem
package import SystemPackage

/// A file that is open; closed when the last reference goes.
package final class OpenFile: Sendable {
  /// The path it was opened by, for messages.
  package let path: FilePath
  private let descriptor: Int32

  private init(path: FilePath, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Opens for reading, a directory too.
  package static func reading(_ path: FilePath, followSymlink: Bool = true) throws(OCIError) -> OpenFile {
    try open(path, O_RDONLY | O_CLOEXEC | (followSymlink ? 0 : O_NOFOLLOW))
  }

  /// Opens a file whose name came from outside, or whose directory others may write to: a symbolic link is not followed,
  /// and nothing but a regular file is opened, so that a pipe cannot make us wait.
  /// - Throws: `OCIError.Code.unsafePath` for anything else; `notFound` where there is nothing.
  package static func readingRegularFile(_ path: FilePath) throws(OCIError) -> OpenFile {
    while true {
      let descriptor = unsafe path.withPlatformString { path in
        unsafe systemOpen(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
      }
      if descriptor >= 0 {
        let file = OpenFile(path: path, descriptor: descriptor)
        guard try file.status().st_mode & S_IFMT == S_IFREG else { throw .unsafePath(path, "no regular file") }
        return file
      }
      switch errno {
      case EINTR: continue
      case ELOOP: throw .unsafePath(path, "a symbolic link")
      case ENXIO: throw .unsafePath(path, "no regular file")
      case ENOENT, ENOTDIR: throw OCIError(.notFound, "there is no file '\(path)'")
      default: throw .system("open", path, errno)
      }
    }
  }

  private func status() throws(OCIError) -> stat {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .system("examine", path, errno) }
    return status
  }

  /// Creates a file that must not exist yet.
  /// - Parameter isPrivate: Whether only its owner may read it.
  package static func creating(_ path: FilePath, isPrivate: Bool = false) throws(OCIError) -> OpenFile {
    try open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode: isPrivate ? 0o600 : 0o666)
  }

  private static func open(_ path: FilePath, _ flags: Int32, mode: mode_t = 0o666) throws(OCIError) -> OpenFile {
    while true {
      let descriptor = unsafe path.withPlatformString { unsafe systemOpen($0, flags, mode) }
      if descriptor >= 0 { return OpenFile(path: path, descriptor: descriptor) }
      if errno != EINTR { throw .system("open", path, errno) }
    }
  }

  /// Sets where the next read begins, in bytes from the file's beginning.
  package func seek(to offset: Int64) throws(OCIError) {
    guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { throw .system("seek in", path, errno) }
  }

  /// Cuts the file off, and goes on writing there.
  package func truncate(to size: Int64) throws(OCIError) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw .system("cut off", path, errno) }
    try seek(to: size)
  }

  /// Reads at most `count` bytes from where the last read ended; empty at the end.
  package func read(upTo count: Int) throws(OCIError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      var result: Int
      repeat { result = unsafe systemRead(descriptor, buffer.baseAddress, count) } while result < 0 && errno == EINTR
      if result < 0 { failure = errno }
      initialized = max(0, result)
    }
    if failure != 0 { throw .system("read", path, failure) }
    return bytes
  }

  /// Reads into memory of the caller's, from where the last read ended; gives how many bytes, 0 at the end.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(OCIError) -> Int {
    while true {
      let count = unsafe systemRead(
        descriptor, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), buffer.count)
      if count >= 0 { return count }
      if errno != EINTR { throw .system("read", path, errno) }
    }
  }

  /// Writes all the bytes.
  package func write(_ bytes: Span<UInt8>) throws(OCIError) {
    var failure: Int32 = 0
    unsafe bytes.withUnsafeBufferPointer { buffer in
      var count = 0
      while count < buffer.count {
        let written = unsafe systemWrite(descriptor, buffer.baseAddress.map { unsafe $0 + count }, buffer.count - count)
        if written >= 0 {
          count += written
        } else if errno != EINTR {
          failure = errno
          return
        }
      }
    }
    if failure != 0 { throw .system("write", path, failure) }
  }

  /// Waits until the file is on the disk.
  package func synchronize() throws(OCIError) {
    guard Host.synchronize(descriptor) == 0 else { throw .system("sync", path, errno) }
  }

  /// Waits for the file's lock, which ends when the file is closed.
  package func lock(exclusive: Bool) throws(OCIError) {
    while flock(descriptor, exclusive ? LOCK_EX : LOCK_SH) != 0 {
      if errno != EINTR { throw .system("lock", path, errno) }
    }
  }

  /// Takes the exclusive lock if nobody else has one.
  package func tryExclusiveLock() -> Bool {
    flock(descriptor, LOCK_EX | LOCK_NB) == 0
  }
}

// The C functions whose names the types above use for themselves.
private func systemOpen(_ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: mode_t = 0) -> Int32 {
  unsafe open(path, flags, mode)
}
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ count: Int) -> Int {
  unsafe read(descriptor, buffer, count)
}
private func systemWrite(_ descriptor: Int32, _ buffer: UnsafePointer<UInt8>?, _ count: Int) -> Int {
  unsafe write(descriptor, buffer, count)
}

internal import OCICore
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// What a layer needs to know of one file on the host.
struct HostStatus: Equatable {
  enum Kind: Equatable { case file, directory, symlink, other(String) }
  var kind: Kind
  var mode: UInt32
  var size: Int64
  /// Nanoseconds since 1970: only to see that a file was changed, never written anywhere.
  var modificationTime: Int64

  fileprivate init(_ status: stat) {
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .directory
      case S_IFLNK: .symlink
      case S_IFSOCK: .other("a socket")
      case S_IFIFO: .other("a named pipe")
      default: .other("a device")
      }
    mode = UInt32(status.st_mode) & 0o7777
    size = Int64(status.st_size)
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    modificationTime = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}

/// The calls to the host's file system that a layer's bytes come from. Paths are bytes that end in NUL.
enum HostFileSystem {
  typealias Path = [UInt8]

  static func path(_ path: FilePath) -> Path {
    unsafe path.withPlatformString { text in
      var bytes: Path = []
      var position = 0
      while unsafe text[position] != 0 {
        bytes.append(UInt8(bitPattern: unsafe text[position]))
        position += 1
      }
      return bytes + [0]
    }
  }

  static func path(_ directory: Path, appending name: [UInt8]) -> Path {
    var result: Path = []
    result.reserveCapacity(directory.count + name.count + 1)
    result.append(contentsOf: directory.dropLast())
    if result.last != UInt8(ascii: "/") { result.append(UInt8(ascii: "/")) }
    result.append(contentsOf: name)
    result.append(0)
    return result
  }

  static func text(_ path: Path) -> String { String(decoding: path.dropLast(), as: UTF8.self) }

  private static func withCString<Result>(_ path: Path, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    unsafe path.withUnsafeBytes { bytes in
      // Never empty: a path has its NUL.
      unsafe body(bytes.baseAddress!.assumingMemoryBound(to: CChar.self))
    }
  }

  private static func failure(_ verb: String, _ path: Path, _ number: Int32) -> TarballError {
    if number == ENOENT {
      return TarballError(.unreadable, "'\(text(path))' does not exist; build or fetch it first, or take it out")
    }
    return TarballError(.unreadable, "cannot \(verb) '\(text(path))': \(Errno(rawValue: number))")
  }

  /// Examines a path without following a symbolic link.
  static func status(_ path: Path) throws(TarballError) -> HostStatus {
    var status = stat()
    let result = unsafe withCString(path) { unsafe lstat($0, &status) }
    guard result == 0 else { throw failure("examine", path, errno) }
    return HostStatus(status)
  }

  /// The names in a directory and what each is, in no order.
  static func list(_ path: Path) throws(TarballError) -> [(name: [UInt8], status: HostStatus)] {
    // Not `opendir`, which would follow a link that was put in the directory's place.
    let handle = unsafe withCString(path) { unsafe openReading($0, O_DIRECTORY) }
    guard handle >= 0 else {
      if errno == ENOTDIR || errno == ELOOP { throw changed(path) }
      throw failure("open directory", path, errno)
    }
    guard let stream = unsafe fdopendir(handle) else {
      let reason = errno
      close(handle)
      throw failure("open directory", path, reason)
    }
    defer { unsafe closedir(stream) }
    let descriptor = unsafe dirfd(stream)
    var result: [(name: [UInt8], status: HostStatus)] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else {
        if errno != 0 { throw failure("read directory", path, errno) }
        return result
      }
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        let characters = unsafe UnsafeRawPointer(pointer).assumingMemoryBound(to: UInt8.self)
        let count = unsafe strlen(UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
        return unsafe Array(UnsafeBufferPointer(start: characters, count: count))
      }
      if name == [UInt8(ascii: ".")] || name == [UInt8(ascii: "."), UInt8(ascii: ".")] { continue }
      var status = stat()
      let found = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        let name = unsafe UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self)
        return unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW)
      }
      if found != 0 {
        let reason = errno
        throw failure("examine", self.path(path, appending: name), reason)
      }
      result.append((name, HostStatus(status)))
    }
  }

  /// The target of a symbolic link, as it is written.
  static func linkTarget(_ path: Path) throws(TarballError) -> [UInt8] {
    var capacity = 256
    while true {
      var count = 0
      let target = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
        count = unsafe withCString(path) { path in
          unsafe buffer.withMemoryRebound(to: CChar.self) { unsafe readlink(path, $0.baseAddress!, capacity) }
        }
        initialized = max(0, count)
      }
      guard count >= 0 else { throw failure("read symbolic link", path, errno) }
      if count < capacity { return target }
      capacity *= 2
    }
  }

  /// Appends `count` bytes of a file, from `offset`, to `output`, after making sure that the file is still what
  /// `expected` says.
  /// - Throws: `TarballError.Code.changed` when it is not, or when it ends early.
  static func read(
    _ path: Path, expecting expected: HostStatus, offset: Int64, count: Int, into output: inout [UInt8]
  ) throws(TarballError) {
    let descriptor = unsafe withCString(path) { unsafe openReading($0, 0) }
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ELOOP { throw changed(path) }
      throw failure("open", path, errno)
    }
    defer { close(descriptor) }
    try verify(descriptor, path, expected)
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: count))
    var done = 0
    while done < count {
      let result = unsafe output.withUnsafeMutableBytes { buffer in
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[(start + done)...])
        return unsafe pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
      }
      if result < 0 {
        if errno == EINTR { continue }
        throw failure("read", path, errno)
      }
      if result == 0 { throw changed(path) }
      done += result
    }
    // A file that grew or was written to while we read would give bytes that no later run gives again.
    try verify(descriptor, path, expected)
  }

  private static func verify(_ descriptor: Int32, _ path: Path, _ expected: HostStatus) throws(TarballError) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw failure("examine", path, errno) }
    let now = HostStatus(status)
    guard now.kind == .file, now.size == expected.size, now.modificationTime == expected.modificationTime else {
      throw changed(path)
    }
  }

  private static func changed(_ path: Path) -> TarballError {
    TarballError(
      .changed, "'\(text(path))' was changed while it was read; run again when nothing writes to it any more")
  }
}

// Never waits for the other end of a pipe that was put in a file's place.
private func openReading(_ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 {
  unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags)
}

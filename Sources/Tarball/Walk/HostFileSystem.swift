internal import HostSystem
internal import OCICore
internal import SystemPackage

/// What a layer needs to know of one file on the host.
struct HostStatus: Sendable, Equatable {
  enum Kind: UInt8, Sendable, Equatable { case file, directory, symlink, characterDevice, blockDevice, fifo, socket }
  var kind: Kind
  var mode: UInt32 = 0o777
  var size: Int64 = 0
  /// Nanoseconds since 1970: only to see that a file was changed, never written anywhere.
  var modificationTime: Int64 = 0
  /// The device's number, for device nodes.
  var device: UInt64 = 0
  /// Whether the file has a name. Some file systems say of every file that it has none.
  private var isNamed = true

  // Inline, because the system's structure is large to be copied.
  @inline(__always) init(_ status: stat) {
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .directory
      case S_IFLNK: .symlink
      case S_IFSOCK: .socket
      case S_IFIFO: .fifo
      case S_IFBLK: .blockDevice
      default: .characterDevice
      }
    mode = UInt32(status.st_mode) & 0o7777
    size = Int64(status.st_size)
    let time = Host.modificationTime(status)
    modificationTime = time.seconds &* 1_000_000_000 &+ time.nanoseconds
    device = UInt64(truncatingIfNeeded: status.st_rdev)
    isNamed = status.st_nlink > 0
  }

  /// Whether it is of a file that was the same file before, in no other state as far as one can see.
  func isUnchanged(since before: HostStatus) -> Bool {
    kind == .file && before.kind == .file && size == before.size && modificationTime == before.modificationTime
      && (isNamed || !before.isNamed)
  }

  private init(kind: Kind) { self.kind = kind }

  /// A symbolic link: layers write nothing of it but its target, so nobody has to ask for more.
  static let symlink = HostStatus(kind: .symlink)

  /// A device's major and minor number.
  var deviceNumbers: (major: UInt32, minor: UInt32) { Host.deviceNumbers(device) }
}

/// The calls to the host's file system that a layer's bytes come from. Paths are bytes that end in NUL, of any length:
/// one longer than the system takes is opened a part at a time.
enum HostFileSystem {
  typealias Path = [UInt8]

  static func path(_ path: FilePath) -> Path {
    unsafe path.withPlatformString { text in
      unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text) + 1))
    }
  }

  static func text(_ path: Path) -> String { String(decoding: path.dropLast(), as: UTF8.self) }

  // MARK: Calls

  /// Examines a path without following a symbolic link.
  static func status(_ file: HostFile) throws(TarballError) -> HostStatus {
    var status = stat()
    let result = unsafe withLocation(file) { directory, name in
      unsafe fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW)
    }
    guard result == 0 else { throw failure("examine", file.path, errno) }
    return HostStatus(status)
  }

  /// The target of a symbolic link, as it is written.
  static func linkTarget(_ file: HostFile) throws(TarballError) -> [UInt8] {
    var capacity = 256
    while true {
      var count = 0
      let target = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
        count = unsafe withLocation(file) { directory, name in
          unsafe buffer.withMemoryRebound(to: CChar.self) {
            unsafe readlinkat(directory, name, $0.baseAddress!, capacity)
          }
        }
        initialized = max(0, count)
      }
      guard count >= 0 else {
        if errno == EINVAL { throw changed(file.path) }
        throw failure("read symbolic link", file.path, errno)
      }
      if count < capacity { return target }
      capacity *= 2
    }
  }

  /// Where a symbolic link leads in the end.
  static func followed(_ file: HostFile) throws(TarballError) -> HostFile {
    // A tree that contains itself through links grows until the system takes its names no more.
    let path = file.path
    guard path.count <= longestPath,
      let resolved = unsafe path.withUnsafeBufferPointer({ path in
        unsafe path.withMemoryRebound(to: CChar.self) { unsafe realpath($0.baseAddress!, nil) }
      })
    else {
      throw TarballError(
        .unreadable,
        "the symbolic link '\(file.text)' leads nowhere, or in a circle; mend it, or keep links as they are")
    }
    defer { unsafe free(resolved) }
    return unsafe HostFile(FilePath(platformString: resolved))
  }

  /// Opens a directory for listing; never through a link that was put in its place.
  static func openDirectory(_ file: HostFile) throws(TarballError) -> Int32 {
    let descriptor = unsafe withLocation(file) { directory, name in unsafe openReading(directory, name, O_DIRECTORY) }
    guard descriptor >= 0 else {
      if errno == ENOTDIR || errno == ELOOP { throw changed(file.path) }
      throw failure("open directory", file.path, errno)
    }
    return descriptor
  }

  private static func openForReading(_ file: HostFile) throws(TarballError) -> Int32 {
    let descriptor = unsafe withLocation(file) { directory, name in unsafe openReading(directory, name, 0) }
    if descriptor >= 0 { return descriptor }
    if errno == ENOENT || errno == ELOOP || errno == ENOTDIR { throw changed(file.path) }
    throw failure("open", file.path, errno)
  }

  /// Opens a file that nobody else knows yet and examines it; gives `nil` where it cannot be opened, though it is there.
  /// - Throws: `TarballError.Code.changed` when it is there no more, or is something else than a file.
  static func open(_ file: HostFile) throws(TarballError) -> HostStatus? {
    do throws(TarballError) { file.keepOpen(try openForReading(file)) } catch {
      if error.code == .changed { throw error }
      return nil
    }
    return try file.handle.map { handle throws(TarballError) in try status(handle, file) }
  }

  private static func status(_ handle: Int32, _ file: HostFile) throws(TarballError) -> HostStatus {
    var status = stat()
    guard unsafe Host.status(handle, &status) == 0 else { throw failure("examine", file.path, errno) }
    let result = HostStatus(status)
    guard result.kind == .file else { throw changed(file.path) }
    return result
  }

  /// Fills a range of `output` with the bytes of a file from `offset` on, and makes sure that the file is still what the
  /// walk saw.
  /// - Throws: `TarballError.Code.changed` when it is not, or when it ends early.
  static func read(
    _ file: HostFile, _ expected: HostStatus, offset: Int64, into output: inout MutableSpan<UInt8>, at range: Range<Int>
  ) throws(TarballError) {
    if let handle = file.handle { return try read(handle, file, expected, offset, &output, range) }
    let handle = try openForReading(file)
    defer { close(handle) }
    try read(handle, file, expected, offset, &output, range)
  }

  private static func read(
    _ handle: Int32, _ file: HostFile, _ expected: HostStatus, _ offset: Int64, _ output: inout MutableSpan<UInt8>,
    _ range: Range<Int>
  ) throws(TarballError) {
    precondition(range.upperBound <= output.count)
    var done = 0
    while done < range.count {
      let count = unsafe output.withUnsafeMutableBytes { buffer in
        unsafe pread(
          handle, buffer.baseAddress.map { unsafe $0 + range.lowerBound + done }, range.count - done,
          off_t(offset) + off_t(done))
      }
      if count < 0 {
        if errno == EINTR { continue }
        let reason = errno
        try verify(handle, file, expected)
        throw failure("read", file.path, reason)
      }
      if count == 0 { throw changed(file.path) }
      done += count
    }
    // Afterwards: so it was no other file before, and nothing was written to it in between.
    try verify(handle, file, expected)
  }

  private static func verify(_ handle: Int32, _ file: HostFile, _ expected: HostStatus) throws(TarballError) {
    guard try status(handle, file).isUnchanged(since: expected) else { throw changed(file.path) }
  }

  // MARK: Errors

  static func failure(_ verb: String, _ path: Path, _ number: Int32) -> TarballError {
    if number == ENOENT {
      return TarballError(.unreadable, "'\(text(path))' does not exist; build or fetch it first, or take it out")
    }
    return TarballError(.unreadable, "cannot \(verb) '\(text(path))': \(Errno(rawValue: number))")
  }

  static func changed(_ path: Path) -> TarballError {
    TarballError(
      .changed, "'\(text(path))' was changed while it was read; run again when nothing writes to it any more")
  }

  // MARK: Long paths

  /// So many bytes of a path are given to one call.
  private static let longestPath = Int(PATH_MAX) - 1

  /// Calls with a directory and a path below it that the system takes: the open directory and the name, or the path itself,
  /// unless it is too long. Gives -1, with errno, when a directory on the way cannot be opened.
  private static func withLocation<Result: BinaryInteger>(
    _ file: HostFile, _ body: (Int32, UnsafePointer<CChar>) -> Result
  ) -> Result {
    if let directory = file.directory {
      if let handle = directory.handle { return unsafe withCharacters(file.name) { unsafe body(handle, $0) } }
      return unsafe withLocation(file.path[...], body)
    }
    return unsafe withLocation(file.name, body)
  }

  private static func withLocation<Result: BinaryInteger>(
    _ path: ArraySlice<UInt8>, _ body: (Int32, UnsafePointer<CChar>) -> Result
  ) -> Result {
    unsafe withCharacters(path) { start in
      guard path.count > longestPath + 1 else { return unsafe body(AT_FDCWD, start) }
      return unsafe withLongParent(start, path.count - 1, body)
    }
  }

  private static func withCharacters<Result>(
    _ text: ArraySlice<UInt8>, _ body: (UnsafePointer<CChar>) -> Result
  ) -> Result {
    // Never empty: it has its NUL.
    unsafe text.withUnsafeBytes { unsafe body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
  }

  private static func withLongParent<Result: BinaryInteger>(
    _ path: UnsafePointer<CChar>, _ count: Int, _ body: (Int32, UnsafePointer<CChar>) -> Result
  ) -> Result {
    let slash = CChar(bitPattern: UInt8(ascii: "/"))
    var directory = AT_FDCWD
    var position = 0
    while count - position > longestPath {
      // The last slash that leaves a part of legal length before it.
      var cut = position + longestPath
      while unsafe cut > position && path[cut] != slash { cut -= 1 }
      guard cut > position else {
        if directory != AT_FDCWD { close(directory) }
        errno = ENAMETOOLONG
        return -1
      }
      let part = unsafe Array(UnsafeBufferPointer(start: path + position, count: cut - position)) + [0]
      let next = unsafe part.withUnsafeBufferPointer { unsafe openReading(directory, $0.baseAddress!, O_DIRECTORY) }
      let reason = errno
      if directory != AT_FDCWD { close(directory) }
      guard next >= 0 else {
        errno = reason
        return -1
      }
      directory = next
      position = cut + 1
    }
    let result = unsafe body(directory, path + position)
    let reason = errno
    if directory != AT_FDCWD { close(directory) }
    errno = reason
    return result
  }
}

/// Opens without waiting for the other end of a pipe that was put in a file's place.
private func openReading(_ directory: Int32, _ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 {
  while true {
    let descriptor = unsafe openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags)
    if descriptor >= 0 || errno != EINTR { return descriptor }
  }
}

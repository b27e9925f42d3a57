internal import HostSystem
package import SystemPackage

/// What we need of a file system beside open files.
package enum FileSystem {
  /// The whole of a small file.
  package static func contents(of path: FilePath, limit: Int = 1 << 30) throws(OCIError) -> [UInt8] {
    try contents(of: OpenFile.reading(path), limit: limit)
  }

  /// The rest of an open file.
  package static func contents(of file: OpenFile, limit: Int) throws(OCIError) -> [UInt8] {
    var result: [UInt8] = []
    while true {
      let chunk = try file.read(upTo: 1 << 16)
      if chunk.isEmpty { return result }
      guard result.count + chunk.count <= limit else {
        throw OCIError(.limitExceeded, "'\(file.path)' is longer than \(limit) bytes")
      }
      result.append(contentsOf: chunk)
    }
  }

  /// Whether anything is at the path.
  package static func exists(_ path: FilePath) -> Bool {
    unsafe path.withPlatformString { unsafe access($0, F_OK) } == 0
  }

  /// Whether anything is at the path, be it a symbolic link that leads nowhere.
  package static func existsWithoutFollowing(_ path: FilePath) throws(OCIError) -> Bool {
    var status = stat()
    if unsafe path.withPlatformString({ unsafe lstat($0, &status) }) == 0 { return true }
    if errno == ENOENT || errno == ENOTDIR { return false }
    throw .system("examine", path, errno)
  }

  /// Whether a path has the marks of a registered store path: last changed at second 1, writable by nobody.
  package static func looksRegistered(_ path: FilePath) -> Bool {
    var status = stat()
    guard unsafe path.withPlatformString({ unsafe lstat($0, &status) }) == 0 else { return false }
    return Host.modificationTime(status).seconds == 1
      && (status.st_mode & S_IFMT == S_IFLNK || status.st_mode & 0o222 == 0)
  }

  /// The size of a regular file, or `nil` where there is none.
  package static func fileSize(_ path: FilePath) throws(OCIError) -> Int64? {
    var status = stat()
    guard unsafe path.withPlatformString({ unsafe stat($0, &status) }) == 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw .system("examine", path, errno)
    }
    return status.st_mode & S_IFMT == S_IFREG ? Int64(status.st_size) : nil
  }

  /// A regular file's size and when it was last changed, in seconds since 1970; `nil` for anything else.
  package static func sizeAndTime(_ path: FilePath) -> (size: Int64, time: Int64)? {
    var status = stat()
    guard unsafe path.withPlatformString({ unsafe lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return (Int64(status.st_size), Host.modificationTime(status).seconds)
  }

  /// Makes a file look as if it had just been changed, if that can be done.
  package static func touch(_ path: FilePath) {
    _ = unsafe path.withPlatformString { unsafe utimensat(AT_FDCWD, $0, nil, AT_SYMLINK_NOFOLLOW) }
  }

  /// Where relative paths begin.
  package static var workingDirectory: FilePath {
    guard let text = unsafe getcwd(nil, 0) else { return "/" }
    defer { unsafe free(text) }
    return unsafe FilePath(platformString: text)
  }

  /// What is at a path, be it a symbolic link.
  package enum Kind: Sendable, Hashable {
    /// A regular file of so many bytes.
    case file(size: Int64)
    /// A directory.
    case directory
    /// A symbolic link, wherever it leads.
    case symlink
    /// A pipe, a socket, a device.
    case special
  }

  /// What is at a path; `nil` where there is nothing. Symbolic links are not followed.
  package static func kind(of path: FilePath) throws(OCIError) -> Kind? {
    var status = stat()
    guard unsafe path.withPlatformString({ unsafe lstat($0, &status) }) == 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw .system("examine", path, errno)
    }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file(size: Int64(status.st_size))
    case S_IFDIR: .directory
    case S_IFLNK: .symlink
    default: .special
    }
  }

  /// The path with every symbolic link followed; unchanged where it leads nowhere.
  package static func resolvingSymlinks(_ path: FilePath) -> FilePath {
    unsafe path.withPlatformString { text in
      guard let resolved = unsafe realpath(text, nil) else { return path }
      defer { unsafe free(resolved) }
      return unsafe FilePath(platformString: resolved)
    }
  }

  /// Creates a directory; `false` where there is one already.
  @discardableResult
  package static func createDirectory(_ path: FilePath) throws(OCIError) -> Bool {
    if unsafe path.withPlatformString({ unsafe mkdir($0, 0o777) }) == 0 { return true }
    let reason = errno
    if reason == EEXIST, isDirectory(path) { return false }
    throw .system("create directory", path, reason)
  }

  /// Creates a directory and what is missing above it; gives those it created, the innermost last.
  package static func createDirectories(_ path: FilePath) throws(OCIError) -> [FilePath] {
    if isDirectory(path) { return [] }
    let parent = path.removingLastComponent()
    let above = parent.isEmpty || parent == path ? [] : try createDirectories(parent)
    return try createDirectory(path) ? above + [path] : above
  }

  /// Whether a directory, or a symbolic link to one, is at the path.
  package static func isDirectory(_ path: FilePath) -> Bool {
    var status = stat()
    return unsafe path.withPlatformString { unsafe stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether a directory, not a symbolic link to one, is at the path.
  package static func isRealDirectory(_ path: FilePath) -> Bool {
    var status = stat()
    return unsafe path.withPlatformString { unsafe lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether a symbolic link is at the path.
  package static func isSymbolicLink(_ path: FilePath) -> Bool {
    var status = stat()
    return unsafe path.withPlatformString { unsafe lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// The target of a symbolic link as it is written; `nil` where there is none.
  package static func linkTarget(of path: FilePath) -> FilePath? {
    var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = unsafe path.withPlatformString { unsafe readlink($0, &target, target.count - 1) }
    return count > 0 ? FilePath(platformString: target) : nil
  }

  /// The names in a directory, in no order.
  package static func names(in path: FilePath) throws(OCIError) -> [String] {
    guard let directory = unsafe path.withPlatformString({ unsafe opendir($0) }) else {
      throw .system("open directory", path, errno)
    }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(directory) else {
        if errno != 0 { throw .system("read directory", path, errno) }
        return names
      }
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }

  /// Moves a file over another, in one step.
  package static func rename(_ old: FilePath, to new: FilePath) throws(OCIError) {
    let result = unsafe old.withPlatformString { old in
      unsafe new.withPlatformString { new in unsafe systemRename(old, new) }
    }
    guard result == 0 else { throw .system("rename to", new, errno) }
  }

  /// Sets the permissions of a file or directory, whatever the umask.
  package static func setMode(_ mode: UInt16, of path: FilePath) throws(OCIError) {
    guard unsafe path.withPlatformString({ unsafe chmod($0, mode_t(mode)) }) == 0 else {
      throw .system("set the mode of", path, errno)
    }
  }

  /// Creates a symbolic link where there is nothing.
  package static func createSymbolicLink(_ path: FilePath, to target: String) throws(OCIError) {
    guard unsafe path.withPlatformString({ unsafe symlink(target, $0) }) == 0 else {
      throw .system("create symbolic link", path, errno)
    }
  }

  /// Removes a file, if it is there.
  package static func removeFile(_ path: FilePath) {
    _ = unsafe path.withPlatformString { unsafe unlink($0) }
  }

  /// Removes a directory, if it is there and empty.
  package static func removeEmptyDirectory(_ path: FilePath) {
    _ = unsafe path.withPlatformString { unsafe rmdir($0) }
  }

  /// Writes a file whole or not at all: beside it, then renamed over it.
  /// - Parameters:
  ///   - isDurable: Whether to wait until it is on the disk.
  ///   - isPrivate: Whether only its owner may read it.
  package static func replace(
    _ path: FilePath, with bytes: [UInt8], isDurable: Bool = true, isPrivate: Bool = false
  ) throws(OCIError) {
    let temporary = temporarySibling(of: path)
    do {
      let file = try OpenFile.creating(temporary, isPrivate: isPrivate)
      try file.write(bytes.span)
      if isDurable { try file.synchronize() }
      try rename(temporary, to: path)
      let directory = path.removingLastComponent()
      if isDurable { try OpenFile.reading(directory.isEmpty ? "." : directory).synchronize() }
    } catch {
      removeFile(temporary)
      throw error
    }
  }

  /// A name in the same directory that nobody else uses.
  package static func temporarySibling(of path: FilePath) -> FilePath {
    let token = String(UInt64.random(in: .min ... .max), radix: 36)
    return path.removingLastComponent().appending("\(temporaryPrefix)\(token)\(temporarySuffix)")
  }

  /// Whether a file's name is one of `temporarySibling`.
  package static func isTemporary(_ name: String) -> Bool {
    name.hasPrefix(temporaryPrefix) && name.hasSuffix(temporarySuffix)
  }

  private static let temporaryPrefix = ".flywheel-"
  private static let temporarySuffix = ".tmp"
}

extension OCIError {
  /// A system call that failed.
  package static func system(_ verb: String, _ path: FilePath, _ number: Int32) -> OCIError {
    OCIError(.ioFailure, "cannot \(verb) '\(path)': \(Errno(rawValue: number))")
  }

  /// Something that is not what it has to be, and could lead elsewhere.
  static func unsafePath(_ path: FilePath, _ what: String) -> OCIError {
    OCIError(.unsafePath, "'\(path)' is \(what), which an image layout may not hold; put a copy of the content there")
  }
}

// `rename` is the name of one of our own.
private func systemRename(_ old: UnsafePointer<CChar>, _ new: UnsafePointer<CChar>) -> Int32 {
  unsafe rename(old, new)
}

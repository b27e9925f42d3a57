internal import CHostFiles

#if canImport(Darwin)
  @_exported public import Darwin
#elseif canImport(Glibc)
  @_exported public import Glibc
#elseif canImport(Musl)
  @_exported public import Musl
#else
  #error("this system's C library is not known; docs/platforms.md says what a new one needs")
#endif

/// What differs from one platform to the next. Whoever imports this module has the platform's C library, too, and asks here
/// wherever that does not have the same names and meanings everywhere: no other Swift file mentions a platform.
package enum Host {
  private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Runs `body` on a new thread that nobody joins; gives 0, or the error's number when the system allows no further one.
  /// - Parameter stackSize: In bytes: the platforms' own choices differ by a factor of 16 and more.
  package static func startThread(stackSize: Int, _ body: @escaping @Sendable () -> Void) -> Int32 {
    #if canImport(Glibc)
      var thread = pthread_t()
    #else
      var thread: pthread_t?
    #endif
    let context = unsafe Unmanaged.passRetained(ThreadBody(body)).toOpaque()
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    unsafe pthread_attr_init(attributes)
    defer {
      unsafe pthread_attr_destroy(attributes)
      unsafe attributes.deallocate()
    }
    unsafe pthread_attr_setstacksize(attributes, stackSize)
    unsafe pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
    let result = unsafe pthread_create(
      &thread, attributes,
      { context in
        // Optional or not, as the platform's headers have it.
        let context: UnsafeMutableRawPointer? = unsafe context
        guard let context = unsafe context else { return nil }
        unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    if result != 0 { unsafe Unmanaged<ThreadBody>.fromOpaque(context).release() }
    return result
  }

  /// The number of the processor that the caller is on, perhaps not for long; always the same where the system does not say.
  package static var processor: Int {
    #if os(Linux) || os(Android)
      Int(flywheel_processor())
    #else
      0
    #endif
  }

  /// How many files the process may have open; `nil` where the system does not say.
  package static var openFileLimit: Int? {
    var limit = rlimit()
    #if canImport(Glibc)
      let result = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    #else
      let result = unsafe getrlimit(RLIMIT_NOFILE, &limit)
    #endif
    return result == 0 ? Int(clamping: limit.rlim_cur) : nil
  }

  // MARK: Files

  /// Examines an open file; -1, with `errno`, when that fails.
  package static func status(_ descriptor: Int32, _ status: UnsafeMutablePointer<stat>) -> Int32 {
    #if os(Linux) || os(Android)
      unsafe flywheel_status(descriptor, status)
    #else
      unsafe fstat(descriptor, status)
    #endif
  }

  /// When a file was last changed, since 1970.
  package static func modificationTime(_ status: stat) -> (seconds: Int64, nanoseconds: Int64) {
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    return (Int64(time.tv_sec), Int64(time.tv_nsec))
  }

  /// The major and minor number that a device's number (`st_rdev`) is packed from.
  package static func deviceNumbers(_ device: UInt64) -> (major: UInt32, minor: UInt32) {
    #if canImport(Darwin)
      (UInt32((device >> 24) & 0xFF), UInt32(device & 0xFF_FFFF))
    #else
      (
        UInt32((device >> 8) & 0xFFF) | UInt32((device >> 32) & 0xFFFF_F000),
        UInt32(device & 0xFF) | UInt32((device >> 12) & 0xFFFF_FF00)
      )
    #endif
  }

  /// Waits until a file is on the disk; -1, with `errno`, when that fails.
  package static func synchronize(_ descriptor: Int32) -> Int32 {
    #if canImport(Darwin)
      // There `fsync` leaves the bytes in the drive's own memory. Not every file system has the stronger call.
      if fcntl(descriptor, F_FULLFSYNC) == 0 { return 0 }
    #endif
    return fsync(descriptor)
  }

  /// What a directory says that a name in it is.
  package enum NameType {
    case file, symlink, other

    fileprivate init(_ type: UInt8) {
      self =
        switch Int(type) {
        case Int(DT_REG): .file
        case Int(DT_LNK): .symlink
        default: .other
        }
    }
  }

  /// Calls `body` with each name in an open directory, "." and ".." among them, in no order; gives 0, or the error's number.
  /// - Parameters:
  ///   - buffer: Memory of the caller's, of several kilobytes, for names on their way.
  ///   - type: What the directory says that it is; not every file system tells.
  package static func forEachName<Failure: Error>(
    in directory: Int32, buffer: UnsafeMutableRawBufferPointer,
    _ body: (_ name: UnsafePointer<CChar>, _ type: NameType) throws(Failure) -> Void
  ) throws(Failure) -> Int32 {
    #if canImport(Darwin)
      let copy = fcntl(directory, F_DUPFD_CLOEXEC, 0)
      guard copy >= 0 else { return errno }
      guard let stream = unsafe fdopendir(copy) else {
        let reason = errno
        close(copy)
        return reason
      }
      defer { unsafe closedir(stream) }
      while true {
        errno = 0
        guard let entry = unsafe readdir(stream) else { return errno }
        let type = unsafe NameType(entry.pointee.d_type)
        try unsafe withUnsafePointer(to: &entry.pointee.d_name) { name throws(Failure) in
          try unsafe body(UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self), type)
        }
      }
    #else
      while true {
        let count = unsafe flywheel_read_directory(directory, buffer.baseAddress, buffer.count)
        guard count != 0, let records = UnsafeRawPointer(buffer.baseAddress) else { return 0 }
        guard count > 0 else { return errno }
        // Inode (8 bytes), offset (8), length of the record (2), type (1), name with NUL: getdents64(2).
        var position = 0
        while position < count {
          let type = unsafe records.load(fromByteOffset: position + 18, as: UInt8.self)
          let name = unsafe (records + position + 19).assumingMemoryBound(to: CChar.self)
          try unsafe body(name, NameType(type))
          position += unsafe Int(records.loadUnaligned(fromByteOffset: position + 16, as: UInt16.self))
        }
      }
    #endif
  }

  // MARK: Extended attributes

  /// The names of a path's extended attributes, each with its NUL; their length alone where `size` is 0. A symbolic link is not
  /// followed. Gives -1, with `errno`, when that fails.
  package static func listAttributes(
    _ path: UnsafePointer<CChar>, _ buffer: UnsafeMutableRawPointer?, _ size: Int
  ) -> Int {
    unsafe flywheel_list_attributes(path, buffer, size)
  }

  /// The value of a path's extended attribute, in the same manner.
  package static func attribute(
    _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>, _ buffer: UnsafeMutableRawPointer?, _ size: Int
  ) -> Int {
    unsafe flywheel_get_attribute(path, name, buffer, size)
  }

  /// Sets an extended attribute; -1, with `errno`, when that fails.
  package static func setAttribute(
    _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>, _ value: UnsafeRawPointer?, _ size: Int
  ) -> Int32 {
    unsafe flywheel_set_attribute(path, name, value, size)
  }

  /// The error of an attribute that is not there.
  package static var noSuchAttribute: Int32 {
    #if canImport(Darwin)
      ENOATTR
    #else
      ENODATA
    #endif
  }

  // MARK: Locales

  /// For `newlocale`: the part of a locale by which characters are read.
  package static var characterTypes: Int32 {
    #if canImport(Darwin)
      LC_CTYPE_MASK
    #else
      Int32(1) << Int32(LC_CTYPE)
    #endif
  }

  /// The locale whose characters are UTF-8 and which is tied to no country.
  package static var unicodeLocale: String {
    #if canImport(Darwin)
      "UTF-8"
    #else
      "C.UTF-8"
    #endif
  }
}

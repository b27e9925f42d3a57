internal import CLibArchive
internal import OCICore
internal import SystemPackage

/// Wraps libarchive's reader: the only file that knows it. Used on one thread.
@safe final class ArchiveReader {
  /// What is wanted of an archive.
  enum Contents {
    /// Its members.
    case members
    /// The bytes that are left when its compression is undone, as one member.
    case bytes
  }

  private let archive: OpaquePointer
  private let input: Feed
  private let limits: ArchiveLimits
  private let isCancelled: () -> Bool
  private var entry: OpaquePointer?
  private var memberCount = 0
  private var contentSize: Int64 = 0
  /// Whether the content of the member was asked for.
  private var isContentRead = true
  private var pending = Pending()

  init(_ input: ArchiveInput, limits: ArchiveLimits, contents: Contents, isCancelled: @escaping () -> Bool) throws {
    guard let archive = unsafe archive_read_new() else {
      throw TarballError(.invalidArchive, "libarchive does not start: out of memory")
    }
    unsafe self.archive = archive
    self.input = Feed(input)
    self.limits = limits
    self.isCancelled = isCancelled
    // Not `filter_all` and `format_all`: some of those start programs.
    unsafe archive_read_support_filter_gzip(archive)
    unsafe archive_read_support_filter_zstd(archive)
    unsafe archive_read_support_filter_xz(archive)
    unsafe archive_read_support_filter_bzip2(archive)
    unsafe archive_read_support_filter_lzma(archive)
    unsafe archive_read_support_filter_compress(archive)
    unsafe archive_read_support_format_empty(archive)
    switch contents {
    case .members:
      unsafe archive_read_support_format_tar(archive)
      unsafe archive_read_support_format_zip(archive)
      unsafe archive_read_support_format_cpio(archive)
      unsafe archive_read_support_format_7zip(archive)
    case .bytes: unsafe archive_read_support_format_raw(archive)
    }
    unsafe archive_read_set_read_callback(archive, feedRead)
    if input.canSeek { unsafe archive_read_set_seek_callback(archive, feedSeek) }
    unsafe archive_read_set_callback_data(archive, Unmanaged.passUnretained(self.input).toOpaque())
    try check(unsafe archive_read_open1(archive), "open the archive")
  }

  deinit { unsafe archive_read_free(archive) }

  // MARK: Members

  /// The next member; `nil` at the end.
  func next() throws -> ArchiveMember? {
    if !isContentRead { try forEachChunk { _ in } }
    var next: OpaquePointer?
    let result = unsafe archive_read_next_header(archive, &next)
    if result == ARCHIVE_EOF {
      unsafe entry = nil
      return nil
    }
    try check(result, "read the archive")
    guard let next = unsafe next else { return nil }
    unsafe entry = next
    isContentRead = false
    memberCount += 1
    guard memberCount <= limits.memberCount else {
      throw TarballError(.limitExceeded, "the archive has more than \(limits.memberCount) members")
    }
    try checkExpansion()
    let warning = result == ARCHIVE_WARN ? message : nil
    return try unsafe member(next, warning: warning)
  }

  private func member(_ entry: OpaquePointer, warning: String?) throws -> ArchiveMember {
    guard let name = unsafe bytes(archive_entry_pathname(entry) ?? archive_entry_pathname_utf8(entry)) else {
      throw TarballError(.invalidArchive, "member \(memberCount) of the archive has no name that can be read")
    }
    try limit(name.count, "a name", of: name)
    var result = LayerListing.Entry(path: LayerListing.normalized(name), kind: .file)
    result.mode = unsafe UInt32(archive_entry_perm(entry)) & 0o7777
    result.uid = unsafe archive_entry_uid(entry)
    result.gid = unsafe archive_entry_gid(entry)
    result.userName = unsafe bytes(archive_entry_uname(entry)) ?? []
    result.groupName = unsafe bytes(archive_entry_gname(entry)) ?? []
    if unsafe archive_entry_mtime_is_set(entry) != 0 {
      result.modificationTime = unsafe Int64(archive_entry_mtime(entry))
    }
    if let target = unsafe bytes(archive_entry_hardlink(entry)) {
      try limit(target.count, "the target of a link", of: name)
      result.kind = .hardLink
      result.linkTarget = LayerListing.normalized(target)
      if unsafe archive_entry_size_is_set(entry) != 0, unsafe archive_entry_size(entry) > 0 {
        result.size = unsafe archive_entry_size(entry)
      }
    } else {
      try unsafe describe(entry, name, &result)
    }
    result.extendedAttributes = try unsafe extendedAttributes(entry, name)
    return ArchiveMember(name: name, entry: result, warning: warning.flatMap { Self.isAboutNames($0) ? nil : $0 })
  }

  private func describe(_ entry: OpaquePointer, _ name: [UInt8], _ result: inout LayerListing.Entry) throws {
    let type = unsafe archive_entry_filetype(entry)
    switch UInt32(type) & 0o170000 {
    case 0o040000: result.kind = .directory
    case 0o120000:
      result.kind = .symlink
      let target = unsafe bytes(archive_entry_symlink(entry) ?? archive_entry_symlink_utf8(entry)) ?? []
      try limit(target.count, "the target of a link", of: name)
      result.linkTarget = target
    case 0o020000, 0o060000:
      result.kind = UInt32(type) & 0o170000 == 0o020000 ? .characterDevice : .blockDevice
      result.device = unsafe .init(
        major: UInt32(truncatingIfNeeded: archive_entry_rdevmajor(entry)),
        minor: UInt32(truncatingIfNeeded: archive_entry_rdevminor(entry)))
    case 0o010000: result.kind = .fifo
    case 0o140000:
      throw TarballError(.unsupportedEntry, "'\(text(name))' is a socket, which a layer cannot hold")
    default:
      // Old zip and v7 tar archives say nothing of files.
      if unsafe archive_entry_size_is_set(entry) != 0 { result.size = unsafe archive_entry_size(entry) }
    }
  }

  private func extendedAttributes(_ entry: OpaquePointer, _ name: [UInt8]) throws -> [ExtendedAttribute] {
    guard unsafe archive_entry_xattr_reset(entry) > 0 else { return [] }
    var result: [ExtendedAttribute] = []
    var total = 0
    var (key, value, size): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
    while unsafe archive_entry_xattr_next(entry, &key, &value, &size) == ARCHIVE_OK {
      guard let attribute = unsafe bytes(key) else { continue }
      total += attribute.count + size
      try limit(total, "extended attributes", of: name)
      let bytes = unsafe Array(UnsafeRawBufferPointer(start: value, count: size))
      // Some writers have each attribute twice, in two vendors' forms.
      if !bytes.isEmpty, !result.contains(where: { $0.name == attribute }) {
        result.append(ExtendedAttribute(name: attribute, value: bytes))
      }
    }
    return result.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  // MARK: Content

  private static let zeros = [UInt8](repeating: 0, count: 64 << 10)

  /// What was read of the member and not given out yet: a hole up to an offset, then a block.
  @safe private struct Pending {
    var position: Int64 = 0
    var offset: Int64 = 0
    var block: UnsafeRawPointer?
    var count = 0
    var isAtEnd = false
  }

  /// Reads the content of the member, holes as zeros.
  func forEachChunk(_ body: (Span<UInt8>) throws -> Void) throws {
    guard !isContentRead else { return }
    while try nextChunk(body) {}
  }

  /// Gives the next bytes of the member, holes as zeros; tells whether there were any.
  func nextChunk(_ body: (Span<UInt8>) throws -> Void) throws -> Bool {
    if !isContentRead {
      isContentRead = true
      pending = Pending()
    }
    while true {
      if pending.position < pending.offset {
        let count = Int(min(pending.offset - pending.position, Int64(Self.zeros.count)))
        try account(Int64(count))
        pending.position += Int64(count)
        try body(Self.zeros.span.extracting(0..<count))
        return true
      }
      if let block = unsafe pending.block {
        let count = pending.count
        unsafe pending.block = nil
        pending.position += Int64(count)
        try body(unsafe UnsafeRawBufferPointer(start: block, count: count).assumingMemoryBound(to: UInt8.self).span)
        return true
      }
      if pending.isAtEnd { return false }
      try readBlock()
    }
  }

  private func readBlock() throws {
    var (block, size, offset): (UnsafeRawPointer?, Int, Int64) = (nil, 0, 0)
    let result = unsafe archive_read_data_block(archive, &block, &size, &offset)
    if result == ARCHIVE_EOF {
      // Perhaps after a hole.
      pending.offset = max(pending.position, offset)
      pending.isAtEnd = true
      return
    }
    try check(result, "read a member of the archive", isContent: true)
    guard offset >= pending.position else {
      throw TarballError(.invalidArchive, "the archive has content out of order")
    }
    try account(Int64(size))
    pending.offset = offset
    unsafe pending.block = size > 0 ? block : nil
    pending.count = size
  }

  private func account(_ count: Int64) throws {
    if isCancelled() { throw CancellationError() }
    contentSize += count
    guard contentSize <= limits.contentSize else {
      throw TarballError(.limitExceeded, "the archive has more than \(limits.contentSize) bytes of content")
    }
    try checkExpansion()
  }

  /// Compares what came out with what went in.
  private func checkExpansion() throws {
    let size = max(contentSize, unsafe archive_filter_bytes(archive, 0))
    guard size > ArchiveLimits.unratedSize else { return }
    let (bound, overflows) = max(1, input.count).multipliedReportingOverflow(by: limits.expansionRatio)
    guard overflows || size <= bound else {
      throw TarballError(
        .limitExceeded,
        "the archive becomes more than \(limits.expansionRatio) times its size: it may be made to fill disks")
    }
  }

  // MARK: Errors

  private var message: String {
    unsafe archive_error_string(archive).map { unsafe String(cString: $0) } ?? "no reason given"
  }

  private func check(_ result: Int32, _ what: String, isContent: Bool = false) throws {
    if isCancelled() { throw CancellationError() }
    // A warning is about what a header says. One about content, such as a wrong checksum in 7z, is damage; a call that
    // may be tried again would be, for ever.
    guard result != ARCHIVE_OK, result != ARCHIVE_EOF, result != ARCHIVE_WARN || isContent else { return }
    if let failure = input.failure { throw failure }
    throw TarballError(
      .invalidArchive, "cannot \(what): \(message); it may be damaged, cut short, or in another format")
  }

  private func limit(_ count: Int, _ what: String, of name: [UInt8]) throws {
    guard count <= limits.metadataLength else {
      throw TarballError(
        .limitExceeded, "\(what) of '\(text(Array(name.prefix(100))))' has more than \(limits.metadataLength) bytes")
    }
  }

  /// Names that are not ASCII are not converted, as is wanted, and libarchive says so each time.
  private static func isAboutNames(_ message: String) -> Bool { message.contains("can't be converted") }

  private func text(_ name: [UInt8]) -> String { String(decoding: name, as: UTF8.self) }

  private func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8]? {
    guard let text = unsafe text else { return nil }
    return unsafe Array(UnsafeRawBufferPointer(start: text, count: length(text)))
  }
}

private func length(_ text: UnsafePointer<CChar>) -> Int {
  var count = 0
  while unsafe text[count] != 0 { count += 1 }
  return count
}

/// What libarchive's callbacks read from. A block stays where it is until the next is asked for.
@safe private final class Feed {
  private let input: ArchiveInput
  private var block = unsafe UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
  private(set) var failure: (any Error)?
  /// How many bytes were read.
  private(set) var count: Int64 = 0

  init(_ input: ArchiveInput) { self.input = input }

  deinit { unsafe block.deallocate() }

  func next(_ start: UnsafeMutablePointer<UnsafeRawPointer?>) -> Int {
    do {
      let bytes = try input.next()
      guard !bytes.isEmpty else { return 0 }
      if unsafe block.count < bytes.count {
        unsafe block.deallocate()
        unsafe block = .allocate(capacity: bytes.count)
      }
      _ = unsafe block.update(fromContentsOf: bytes)
      unsafe start.pointee = UnsafeRawPointer(block.baseAddress)
      count += Int64(bytes.count)
      return bytes.count
    } catch {
      failure = error
      return -1
    }
  }

  func seek(_ offset: Int64, _ origin: FileDescriptor.SeekOrigin) -> Int64 {
    do { return try input.seek(offset, from: origin) } catch {
      failure = error
      return -1
    }
  }
}

private func feedRead(
  _ archive: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _ start: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
  guard let context = unsafe context, let start = unsafe start else { return -1 }
  return unsafe Unmanaged<Feed>.fromOpaque(context).takeUnretainedValue().next(start)
}

private func feedSeek(
  _ archive: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _ offset: Int64, _ origin: Int32
) -> Int64 {
  guard let context = unsafe context else { return -1 }
  return unsafe Unmanaged<Feed>.fromOpaque(context).takeUnretainedValue()
    .seek(offset, FileDescriptor.SeekOrigin(rawValue: origin))
}

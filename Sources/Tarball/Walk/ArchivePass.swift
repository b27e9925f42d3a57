internal import OCICore
internal import SystemPackage

/// One way to read an archive from its beginning, on the thread that asks.
struct ArchivePass {
  private enum Input {
    case file(ArchiveLimits)
    case store(StoreArchiveFile)
  }

  let path: FilePath
  private let input: Input
  private let isCancelled: () -> Bool

  init(_ path: FilePath, _ limits: ArchiveLimits, _ isCancelled: @escaping () -> Bool) {
    self.path = path
    input = .file(limits)
    self.isCancelled = isCancelled
  }

  /// Reads a store path's archive.
  init(_ file: StoreArchiveFile) {
    path = file.archive.path
    input = .store(file)
    isCancelled = { false }
  }

  /// Whether it is the archive of a store path, of which only a reading to the end says that it is right.
  var isStore: Bool { if case .store = input { true } else { false } }

  /// Errors name the archive.
  func named<Result>(_ body: () throws -> Result) throws -> Result {
    if case .store(let file) = input { return try file.named(body) }
    do { return try body() } catch let error as TarballError where !error.message.contains("'\(path)'") {
      throw TarballError(error.code, "'\(path)': \(error.message)")
    }
  }

  /// Begins to read; calls to the reader have to be made in the locale that is given with it.
  func begin() throws -> (reader: any MemberReader, locale: String) {
    try named {
      switch input {
      case .store(let file): return (try ReadingThread.withLocale("C") { try file.begin() }, "C")
      case .file(let limits):
        let input = try ArchiveInput(.file(path), ReadingCancellation())
        let locale = try ReadingThread.localeName(for: input)
        return (
          try ReadingThread.withLocale(locale) {
            try ArchiveReader(input, limits: limits, contents: .members, isCancelled: isCancelled)
          }, locale
        )
      }
    }
  }

  func forEachMember(_ visit: (any MemberReader, ArchiveMember, _ ordinal: Int) throws -> Void) throws {
    let (reader, locale) = try begin()
    try named {
      try ReadingThread.withLocale(locale) {
        var ordinal = 0
        while let member = try reader.next() {
          try visit(reader, member, ordinal)
          ordinal += 1
        }
      }
    }
  }

  /// Lets go of what is held in memory for further readings.
  func release() { if case .store(let file) = input { file.release() } }

  var changed: TarballError {
    TarballError(.changed, "'\(path)' was changed while it was read; run again when nothing writes to it any more")
  }
}

internal import OCICore
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Runs a reader on a thread of its own, in a locale of its own: libarchive converts names by the thread's locale, and in
/// the plain C locale it has no conversion and leaves them as they are.
enum ReadingThread {
  static func run<Result: Sendable>(
    _ input: Archive.Input, _ body: @escaping @Sendable (ArchiveInput, @escaping @Sendable () -> Bool) throws -> Result
  ) async throws -> Result {
    let isCancelled = Flag()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        do {
          try WorkerThread.start {
            continuation.resume(
              with: Swift.Result {
                let input = try ArchiveInput(input)
                // In 7z and zip names are marked as Unicode, and have no other form; the other formats have bytes.
                let isUnicode = try unicodeMagics.contains { try input.begins(with: $0) }
                return try withLocale(isUnicode ? "C.UTF-8" : "C") {
                  try body(input) { isCancelled.isRaised }
                }
              })
          }
        } catch {
          continuation.resume(throwing: error)
        }
      }
    } onCancel: {
      isCancelled.raise()
    }
  }

  private static let unicodeMagics: [[UInt8]] = [[0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], Array("PK".utf8)]

  private static func withLocale<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    guard let locale = unsafe newlocale(1 << LC_CTYPE, name, nil) else { return try body() }
    let previous = unsafe uselocale(locale)
    defer {
      unsafe uselocale(previous)
      unsafe freelocale(locale)
    }
    return try body()
  }

  private final class Flag: Sendable {
    private let state = Atomic(false)
    var isRaised: Bool { state.load(ordering: .relaxed) }
    func raise() { state.store(true, ordering: .relaxed) }
  }
}

/// Collects the members of an archive.
final class ListingCollector: Sendable {
  private let entries = Mutex<[LayerListing.Entry]>([])
  var listing: LayerListing { LayerListing(entries: entries.withLock { $0 }) }
  func append(_ entry: LayerListing.Entry) { entries.withLock { $0.append(entry) } }
}

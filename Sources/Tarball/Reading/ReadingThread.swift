internal import Dispatch
internal import HostSystem
internal import OCICore
internal import Synchronization

/// Runs a reader on a thread of its own, in a locale of its own: libarchive converts names by the thread's locale, and in
/// the plain C locale it has no conversion and leaves them as they are.
enum ReadingThread {
  static func run<Result: Sendable>(
    _ input: Archive.Input, _ body: @escaping @Sendable (ArchiveInput, @escaping @Sendable () -> Bool) throws -> Result
  ) async throws -> Result {
    let cancellation = ReadingCancellation()
    return try await WorkerThread.run(onCancel: cancellation.cancel) {
      let input = try ArchiveInput(input, cancellation)
      return try withLocale(localeName(for: input)) { try body(input) { cancellation.isCancelled } }
    }
  }

  /// In 7z and zip names are marked as Unicode, and have no other form; the other formats have bytes.
  static func localeName(for input: ArchiveInput) throws -> String {
    try unicodeMagics.contains { try input.begins(with: $0) } ? Host.unicodeLocale : "C"
  }

  private static let unicodeMagics: [[UInt8]] = [[0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], Array("PK".utf8)]

  /// Runs calls to libarchive on this thread.
  static func withLocale<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    guard let locale = unsafe newlocale(Host.characterTypes, name, nil) else { return try body() }
    let previous = unsafe uselocale(locale)
    defer {
      unsafe uselocale(previous)
      unsafe freelocale(locale)
    }
    return try body()
  }
}

/// Tells a reader to stop, also while it waits for a stream.
final class ReadingCancellation: Sendable {
  private struct State {
    var isCancelled = false
    var task: Task<Void, Never>?
  }
  private let state = Mutex(State())

  var isCancelled: Bool { state.withLock { $0.isCancelled } }

  func cancel() {
    let task = state.withLock { state in
      state.isCancelled = true
      return state.task
    }
    task?.cancel()
  }

  /// Cancels this task, too, from now on in the place of the one before.
  func watch(_ task: Task<Void, Never>) {
    let isCancelled = state.withLock { state in
      state.task = task
      return state.isCancelled
    }
    if isCancelled { task.cancel() }
  }

  /// Waits on this thread, which is the reader's own, for what a task does.
  func wait<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) throws -> Result {
    let promise = Promise<Swift.Result<Result, any Error>>()
    let task = Task {
      do { promise.fulfil(.success(try await body())) } catch { promise.fulfil(.failure(error)) }
    }
    watch(task)
    guard let result = promise.take() else { preconditionFailure("a promise is taken once") }
    return try result.get()
  }
}

/// A value that one thread makes and another waits for.
private final class Promise<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let ready = DispatchSemaphore(value: 0)

  func fulfil(_ value: Value) {
    self.value.withLock { $0 = value }
    ready.signal()
  }

  /// Waits for the value and takes it; to be called once.
  func take() -> Value? {
    ready.wait()
    return value.withLock { value in
      defer { value = nil }
      return value
    }
  }
}

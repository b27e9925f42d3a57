#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Threads of our own for work that blocks, which must never run on Swift's cooperative pool.
package enum WorkerThread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Enough for walking trees of thousands of levels and reading nested documents, on every platform.
  private static let stackSize = 4 << 20

  /// Runs `body` on a new thread that nobody joins.
  /// - Throws: `OCIError.Code.ioFailure` when the system allows no further thread.
  package static func start(_ body: @escaping @Sendable () -> Void) throws(OCIError) {
    let context = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
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
        #if canImport(Darwin)
          let body = unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
        #else
          let body = unsafe Unmanaged<Body>.fromOpaque(context!).takeRetainedValue()
        #endif
        body.run()
        return nil
      }, context)
    guard result == 0 else {
      unsafe Unmanaged<Body>.fromOpaque(context).release()
      throw OCIError(.ioFailure, "the system allows no further thread (\(result)); raise the limit of processes")
    }
  }

  /// Runs `body` on a new thread and gives what comes of it, holding no thread of the cooperative pool meanwhile.
  /// - Parameter onCancel: Called when the task is cancelled; has to make `body` end.
  /// - Throws: What `body` throws; `OCIError.Code.ioFailure` when the system allows no further thread.
  package static func run<Result: Sendable>(
    onCancel: @escaping @Sendable () -> Void, _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        do {
          try start { continuation.resume(with: Swift.Result { try body() }) }
        } catch {
          continuation.resume(throwing: error)
        }
      }
    } onCancel: {
      onCancel()
    }
  }

  /// How many processors the machine has.
  package static var processorCount: Int {
    max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }
}

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

  /// Runs `body` on a new thread that nobody joins.
  package static func start(_ body: @escaping @Sendable () -> Void) {
    let context = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let result = unsafe pthread_create(
      &thread, nil,
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
      // The system allows no further thread: do the work here rather than lose it.
      unsafe Unmanaged<Body>.fromOpaque(context).release()
      body()
      return
    }
    #if canImport(Darwin)
      if let thread { unsafe pthread_detach(thread) }
    #else
      pthread_detach(thread)
    #endif
  }

  /// How many processors this process may use.
  package static var processorCount: Int {
    max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }
}

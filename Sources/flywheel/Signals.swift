import Dispatch
import HostSystem
import Tarball

/// Runs `body` and cancels it when the process is interrupted or asked to end; a second interrupt ends it at once.
func cancellingOnSignals(_ body: @escaping @Sendable () async throws -> Void) async throws {
  keepStandardFilesTaken()
  HostMemory.boundHeaps()
  // A reader or registry that closes its end must give an error, not a signal.
  signal(SIGPIPE, SIG_IGN)
  let task = Task { try await body() }
  let sources = [SIGINT, SIGTERM].map { number in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler {
      if task.isCancelled { _exit(128 + number) }
      task.cancel()
    }
    source.resume()
    return source
  }
  defer { for source in sources { source.cancel() } }
  try await task.value
}

/// Where a standard stream was closed by the caller, the next file to be opened would take its number, and what is printed
/// would end up in it. Something that cannot be written to takes the number instead.
private func keepStandardFilesTaken() {
  for number in 0...2 as ClosedRange<Int32> where fcntl(number, F_GETFD) == -1 {
    _ = open("/dev/null", O_RDONLY)
  }
}

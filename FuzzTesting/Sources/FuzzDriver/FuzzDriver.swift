import FuzzChecks
import Synchronization

/// libFuzzer's loop, which takes the program's arguments and gives each input to a function.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ input: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The target of this process; a C function has no context to keep it in.
private let current = Mutex<FuzzTarget?>(nil)

extension FuzzTarget {
  /// Gives inputs to `check` until libFuzzer has enough; stops the process where a rule is broken.
  public func fuzz() -> CInt {
    current.withLock { $0 = self }
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    return runDriver(&count, &arguments) { start, count in
      let input = Array(UnsafeBufferPointer(start: start, count: count))
      do { try current.withLock { $0 }?.check(input) } catch { fatalError("\(error)") }
      return 0
    }
  }
}

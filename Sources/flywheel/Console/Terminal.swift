import HostSystem
import SystemPackage

/// What is known of the terminal, if there is one.
enum Terminal {
  static func `is`(_ stream: FileDescriptor) -> Bool { isatty(stream.rawValue) == 1 }

  /// How many columns the error stream's terminal has.
  static var width: Int {
    var size = winsize()
    if ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    return Environment.variable("COLUMNS").flatMap(Int.init) ?? 80
  }
}

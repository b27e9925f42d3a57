import ArgumentParser
import HostSystem
import ImageAssembly
import SystemPackage

/// What the environment says. The only place where the command line reads it.
enum Environment {
  static func variable(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }

  /// `SOURCE_DATE_EPOCH`, seconds since 1970 (reproducible-builds.org).
  /// - Throws: `ValidationError` when it is not a number.
  static func sourceDateEpoch() throws -> Int64? {
    guard let text = variable("SOURCE_DATE_EPOCH") else { return nil }
    guard let seconds = Int64(text), (0..<1 << 33).contains(seconds) else {
      throw ValidationError("SOURCE_DATE_EPOCH is '\(text)'; it must be a number of seconds since 1970")
    }
    return seconds
  }

  /// Where digests of immutable layers are kept; `nil` where there is no home.
  static func digestCache() -> LayerDigestCache? {
    let parent =
      variable("XDG_CACHE_HOME").map { FilePath($0) }
      ?? variable("HOME").map { FilePath($0).appending(".cache") }
    return parent.map { LayerDigestCache(directory: $0.appending("flywheel")) }
  }

  /// Seconds since 1970, for who asks for an image that is another each time.
  static var clock: Int { time(nil) }
}

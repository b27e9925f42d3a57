import ArgumentParser
import OCICore

/// Which image of an index a verb means.
struct PlatformOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Of an index, the image for this platform, e.g. linux/arm64; verbs that need one image take linux/amd64 unless told.",
      valueName: "platform"), completion: .list(["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/riscv64"]))
  var platform: String?

  func validate() throws {
    if let platform {
      do { _ = try Platform(platform) } catch { throw ValidationError("--platform: \(error.message)") }
    }
  }

  /// The platform, if one was named.
  var named: Platform? { platform.flatMap { try? Platform($0) } }

  /// The platform for verbs that need one image; not that of this machine.
  var value: Platform { named ?? Platform(architecture: "amd64") }
}

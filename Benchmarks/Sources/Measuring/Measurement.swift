import Glibc

/// What one process took.
public struct Measurement: Sendable {
  /// Seconds from start to end.
  public var wall: Double
  /// Processor time, of user and system, in seconds.
  public var processor: Double
  /// The largest resident set of any one process of the command.
  public var peakKiB: Int

  /// A command that failed.
  public struct Failure: Error {
    /// Which, and how.
    public var message: String

    /// Creates a failure.
    public init(message: String) { self.message = message }
  }

  /// Runs a command, its output thrown away, and waits for it.
  public init(running command: [String]) throws {
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    let start = ContinuousClock.now
    var process = pid_t()
    guard posix_spawnp(&process, command[0], &actions, nil, &arguments, environ) == 0 else {
      throw Failure(message: "cannot run \(command[0])")
    }
    var status: Int32 = 0
    var usage = rusage()
    guard wait4(process, &status, 0, &usage) == process, status == 0 else {
      throw Failure(message: "\(command.joined(separator: " ")) failed with status \(status)")
    }
    let duration = ContinuousClock.now - start
    wall = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    processor =
      Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    peakKiB = usage.ru_maxrss
  }

  /// The run in the middle by wall time, with the largest of the peaks.
  public static func median(of runs: [Measurement]) -> Measurement {
    var result = runs.sorted { $0.wall < $1.wall }[runs.count / 2]
    result.peakKiB = runs.map(\.peakKiB).max() ?? 0
    return result
  }

  /// The smallest of each: what the machine can do when nothing disturbs it.
  public static func minimum(of runs: [Measurement]) -> Measurement {
    var result = runs[0]
    result.wall = runs.map(\.wall).min() ?? 0
    result.processor = runs.map(\.processor).min() ?? 0
    result.peakKiB = runs.map(\.peakKiB).max() ?? 0
    return result
  }
}

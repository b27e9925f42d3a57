internal import Foundation
internal import HostSystem
public import SystemPackage

/// A program that may be installed; tests that need it run only where it is.
public enum Tool {
  /// A program that is not there, or that ends with another status than zero.
  public struct Failure: Error, CustomStringConvertible {
    /// What was run, and what it said.
    public let description: String
  }

  /// What a program printed, and how it ended.
  public struct Result: Sendable {
    /// The exit status.
    public var status: Int32
    /// What it printed.
    public var output: String
    /// What it printed on its error stream.
    public var errors: String
  }

  /// A program that goes on in the background.
  public final class Running: Sendable {
    private let process: Process
    init(_ process: Process) { self.process = process }
    /// Whether it has not ended yet.
    public var isRunning: Bool { process.isRunning }
    /// Ends it and waits until it has.
    public func stop() {
      process.terminate()
      for _ in 0..<30 where process.isRunning { Thread.sleep(forTimeInterval: 0.01) }
      // One that was started with the signal blocked never sees it.
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      process.waitUntilExit()
    }
  }

  /// Whether all the programs are found in `PATH`.
  public static func areInstalled(_ names: String...) -> Bool { names.allSatisfy { path($0) != nil } }

  /// Where a program is; a path stays as it is.
  public static func path(_ name: String) -> String? {
    guard !name.contains("/") else { return name }
    let directories = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return directories.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Starts a program in the background.
  public static func start(_ name: String, _ arguments: [String], in directory: FilePath) throws -> Running {
    let process = try prepare(name, arguments, in: directory, [:])
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return Running(process)
  }

  /// Runs a program to its end; gives what it printed on both streams.
  /// - Throws: `Failure` when it does not succeed.
  @discardableResult
  public static func run(_ name: String, _ arguments: [String], in directory: FilePath = "/") async throws -> String {
    let result = try await result(of: name, arguments, in: directory)
    guard result.status == 0 else {
      throw Failure(description: "\(name) \(arguments): exit \(result.status): \(result.output)\(result.errors)")
    }
    return result.output + result.errors
  }

  /// Runs a program to its end, away from the cooperative pool.
  /// - Parameters:
  ///   - name: The program's name, to be found in `PATH`.
  ///   - arguments: What it is called with.
  ///   - directory: Where it runs.
  ///   - environment: Variables to set beside those of this process.
  ///   - input: What it reads; nothing by default.
  public static func result(
    of name: String, _ arguments: [String], in directory: FilePath = "/", environment: [String: String] = [:],
    input: [UInt8]? = nil
  ) async throws -> Result {
    let process = try prepare(name, arguments, in: directory, environment)
    if let input {
      // Small enough for a pipe to hold, so that nobody has to wait.
      precondition(input.count <= 4096)
      let pipe = Pipe()
      process.standardInput = pipe
      try pipe.fileHandleForWriting.write(contentsOf: input)
      try pipe.fileHandleForWriting.close()
    }
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    async let text = contents(of: output.fileHandleForReading)
    async let errorText = contents(of: errors.fileHandleForReading)
    let (printed, complained) = await (text, errorText)
    process.waitUntilExit()
    return Result(status: process.terminationStatus, output: printed, errors: complained)
  }

  /// Sets an extended attribute of a file.
  /// - Throws: `Failure` where the file system has none, or the name is not ours to set.
  public static func setExtendedAttribute(_ name: String, _ value: [UInt8], of file: FilePath) async throws {
    let result = unsafe file.withPlatformString { path in
      unsafe value.withUnsafeBytes { unsafe Host.setAttribute(path, name, $0.baseAddress, $0.count) }
    }
    guard result == 0 else {
      throw Failure(description: "cannot set '\(name)' of '\(file)': \(Errno(rawValue: errno))")
    }
  }

  private static func prepare(
    _ name: String, _ arguments: [String], in directory: FilePath, _ environment: [String: String]
  ) throws -> Process {
    guard let path = path(name) else { throw Failure(description: "\(name) is not installed") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: directory.string)
    process.standardInput = FileHandle.nullDevice
    if !environment.isEmpty {
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    }
    return process
  }

  private static func contents(of file: FileHandle) async -> String {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(returning: String(decoding: file.readDataToEndOfFile(), as: UTF8.self))
      }
    }
  }
}

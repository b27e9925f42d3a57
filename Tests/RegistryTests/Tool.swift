import Foundation
import Registry
import SystemPackage

/// A program that may be installed; tests that need it run only where it is.
enum Tool {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static func path(_ name: String) -> String? {
    let directories = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return directories.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  static func start(_ name: String, _ arguments: [String], in directory: FilePath, output: Any? = nil) throws -> Process
  {
    guard let path = path(name) else { throw Failure(description: "\(name) is not installed") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: directory.string)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output ?? FileHandle.nullDevice
    process.standardError = output ?? FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Runs a program to its end, away from the cooperative pool; gives what it prints.
  @discardableResult
  static func run(_ name: String, _ arguments: [String], in directory: FilePath) async throws -> String {
    let output = Pipe()
    let process = try start(name, arguments, in: directory, output: output)
    let text = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        continuation.resume(returning: String(decoding: data, as: UTF8.self))
      }
    }
    guard process.terminationStatus == 0 else {
      throw Failure(description: "\(name) \(arguments): exit \(process.terminationStatus): \(text)")
    }
    return text
  }
}

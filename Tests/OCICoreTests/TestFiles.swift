import Foundation
import SystemPackage

/// Files of tests, by Foundation, which shares no code with what is tested.
enum TestFiles {
  static func names(in path: FilePath) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path.string).sorted()
  }

  static func isDirectory(_ path: FilePath) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path.string, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  static func write(_ bytes: [UInt8], to path: FilePath) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path.string))
  }

  static func read(_ path: FilePath) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path.string)))
  }

  static func remove(_ path: FilePath) throws { try FileManager.default.removeItem(atPath: path.string) }

  static func link(_ path: FilePath, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path.string, withDestinationPath: target)
  }

  static func move(_ path: FilePath, to other: FilePath) throws {
    try FileManager.default.moveItem(atPath: path.string, toPath: other.string)
  }
}

import Foundation
import OCITesting
import SystemPackage
import Testing

struct RandomTreeTests {
  /// A line for each entry: path, type, mode, size, target and content.
  private func listing(_ directory: FilePath) throws -> [String] {
    let files = FileManager.default
    let paths = try #require(files.enumerator(atPath: directory.string)).compactMap { $0 as? String }
    return try paths.sorted().map { path in
      let full = directory.appending(path).string
      let attributes = try files.attributesOfItem(atPath: full)
      let type = attributes[.type] as? FileAttributeType
      let target = type == .typeSymbolicLink ? try files.destinationOfSymbolicLink(atPath: full) : ""
      let content = type == .typeRegular ? try Data(contentsOf: URL(fileURLWithPath: full)).hashValue : 0
      let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
      return "\(path) \(type?.rawValue ?? "") \(mode) \(attributes[.size] ?? 0) \(target) \(content)"
    }
  }

  @Test(arguments: [1, 2, 99] as [UInt64]) func theSameSeedGivesTheSameTree(seed: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      for name in ["a", "b", "other"] {
        try FileManager.default.createDirectory(
          atPath: directory.appending(name).string, withIntermediateDirectories: false)
        try await RandomTree(seed: name == "other" ? seed + 1 : seed).write(into: directory.appending(name))
      }
      let first = try listing(directory.appending("a"))
      #expect(try first == listing(directory.appending("b")))
      #expect(try first != listing(directory.appending("other")))
      #expect(first.contains { $0.utf8.count > 256 })
    }
  }

  @Test func aTemporaryDirectoryGoesAway() async throws {
    let path = try await withTemporaryDirectory { path in
      try await RandomTree(seed: 3).write(into: path)
      return path
    }
    #expect(!FileManager.default.fileExists(atPath: path.string))
  }
}

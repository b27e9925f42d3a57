internal import Foundation
public import SystemPackage

/// Runs a test in a directory of its own, which is removed afterwards with all that is in it.
/// - Parameters:
///   - parent: Where it is made; by default where the system keeps temporary files.
///   - body: Gets the directory.
@discardableResult
public func withTemporaryDirectory<Result>(
  in parent: FilePath? = nil, _ body: (FilePath) async throws -> Result
) async throws -> Result {
  let files = FileManager.default
  let name = "flywheel-test-" + String(UInt64.random(in: .min ... .max), radix: 36)
  let path = (parent ?? FilePath(files.temporaryDirectory.path)).appending(name)
  try files.createDirectory(atPath: path.string, withIntermediateDirectories: true)
  defer { try? files.removeItem(atPath: path.string) }
  return try await body(path)
}

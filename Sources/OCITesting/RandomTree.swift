internal import Foundation
internal import OCICore
public import SystemPackage

/// A tree of files with everything that makes archives hard: odd names, long paths, links to nowhere, and sizes around
/// the boundaries of blocks. The same seed gives the same tree.
public struct RandomTree: Sendable {
  private static let names = [
    "plain", "with space", " leading space", "trailing space ", "-leading-dash", "ümläut-é", "日本語", "🙂", "new\nline",
    "tab\there", "quote\"'", "back\\slash", "star*?[x]", "dollar$HOME", "percent%41", ".hidden", "a.tar.gz", "A", "a",
    "~tilde", "colon:name", "=equals", "#hash",
  ]
  private static let sizes = [0, 1, 511, 512, 513, 1023, 4096]
  private static let bigSizes = [(1 << 20) - 1, 1 << 20, (1 << 20) + 1]

  private let seed: UInt64

  /// Creates a description of a tree; nothing is written yet.
  public init(seed: UInt64) { self.seed = seed }

  /// Writes the tree into a directory, which must be there. The work is done on threads for blocking calls.
  public func write(into directory: FilePath) async throws {
    try await IOExecutor.run { try writeBlocking(into: directory) }
  }

  private func writeBlocking(into directory: FilePath) throws {
    var writer = Writer(generator: SeededGenerator(seed: seed))
    for size in Self.bigSizes { try writer.file(directory.appending("big-\(size)"), size: size) }
    try writer.symlink(directory.appending("dangling"), to: "no/such/target")
    try writer.symlink(directory.appending("loop-a"), to: "loop-b")
    try writer.symlink(directory.appending("loop-b"), to: "loop-a")
    try writer.symlink(directory.appending("self"), to: ".")
    try writer.symlink(directory.appending("long-target"), to: String(repeating: "../target", count: 30))
    try writer.directory(directory.appending("empty"))
    try writer.file(directory.appending(String(repeating: "n", count: 101)), size: 1)
    try writer.file(directory.appending(String(repeating: "ñ", count: 120)), size: 513)
    var deep = directory
    for level in 0..<6 {
      deep.append("level-\(level)-" + String(repeating: "d", count: 50))
      try writer.directory(deep)
    }
    try writer.file(deep.appending("leaf"), size: 512)
    try writer.fill(directory.appending("random"), depth: 3)
  }

  private struct Writer {
    var generator: SeededGenerator
    let files = FileManager.default

    mutating func fill(_ path: FilePath, depth: Int) throws {
      try directory(path)
      for name in RandomTree.names.shuffled(using: &generator).prefix(Int.random(in: 3...9, using: &generator)) {
        let child = path.appending(name)
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: try symlink(child, to: RandomTree.names.randomElement(using: &generator) ?? "a")
        case 1,
          2 where depth > 0:
          try fill(child, depth: depth - 1)
        default: try file(child, size: RandomTree.sizes.randomElement(using: &generator) ?? 0)
        }
      }
    }

    func directory(_ path: FilePath) throws {
      try files.createDirectory(atPath: path.string, withIntermediateDirectories: false)
      try set(0o755, of: path)
    }

    mutating func file(_ path: FilePath, size: Int) throws {
      // Half of the files compress well.
      let compresses = Bool.random(using: &generator)
      let bytes =
        compresses
        ? [UInt8](repeating: UInt8.random(in: 0...9, using: &generator), count: size)
        : generator.bytes(size)
      guard files.createFile(atPath: path.string, contents: Data(bytes)) else {
        throw Failure(description: "cannot write '\(path)'")
      }
      try set([0o644, 0o644, 0o755, 0o600, 0o444, 0o555].randomElement(using: &generator) ?? 0o644, of: path)
    }

    func symlink(_ path: FilePath, to target: String) throws {
      try files.createSymbolicLink(atPath: path.string, withDestinationPath: target)
    }

    /// Sets the mode, which the umask would change.
    private func set(_ mode: Int, of path: FilePath) throws {
      try files.setAttributes([.posixPermissions: mode], ofItemAtPath: path.string)
    }
  }

  private struct Failure: Error, CustomStringConvertible {
    let description: String
  }
}

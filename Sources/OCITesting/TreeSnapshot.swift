internal import Foundation
internal import OCICore
public import SystemPackage

/// What a directory holds, as values that can be compared: kind, permission bits, content or target of everything in it.
public struct TreeSnapshot: Sendable, Equatable, CustomStringConvertible {
  /// A line for each path below the directory.
  public private(set) var entries: [String: String] = [:]

  private init() {}

  /// Looks at a directory, symbolic links as links. The work is done on threads for blocking calls.
  public init(of directory: FilePath) async throws {
    self = try await IOExecutor.run {
      var snapshot = TreeSnapshot()
      try snapshot.add(directory, name: "")
      return snapshot
    }
  }

  private mutating func add(_ path: FilePath, name: String) throws {
    let attributes = try FileManager.default.attributesOfItem(atPath: path.string)
    let mode = String((attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0, radix: 8)
    switch attributes[.type] as? FileAttributeType {
    case .typeSymbolicLink:
      entries[name] = "link to \(try FileManager.default.destinationOfSymbolicLink(atPath: path.string))"
    case .typeDirectory:
      if !name.isEmpty { entries[name] = "directory \(mode)" }
      for child in try FileManager.default.contentsOfDirectory(atPath: path.string) {
        try add(path.appending(child), name: name.isEmpty ? child : "\(name)/\(child)")
      }
    case .typeRegular:
      entries[name] = "file \(mode) \(Digest.of(try FileSystem.contents(of: path)))"
    default:
      entries[name] = "other"
    }
  }

  /// What is here and not, or not so, in another tree.
  public func difference(from other: TreeSnapshot) -> [String] {
    Set(entries.keys).union(other.entries.keys).sorted().compactMap { name in
      entries[name] == other.entries[name]
        ? nil : "\(name): \(entries[name] ?? "absent"), not \(other.entries[name] ?? "absent")"
    }
  }

  /// The lines, sorted.
  public var description: String {
    entries.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "\n")
  }
}

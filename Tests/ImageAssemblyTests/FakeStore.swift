import Foundation
import ImageAssembly
import LayerGraph
import OCITesting
import SystemPackage

/// A few store paths in a temporary directory: an application, its library, and a tree of links for the root.
struct FakeStore {
  let directory: FilePath
  let application: FilePath
  let library: FilePath
  let root: FilePath
  let graph: StoreGraph

  init(in directory: FilePath, seed: UInt64 = 1) async throws {
    self.directory = directory
    application = directory.appending("store/aaaa-application")
    library = directory.appending("store/bbbb-library")
    root = directory.appending("store/cccc-root")
    for path in [application.appending("bin"), library, root.appending("bin"), root.appending("etc")] {
      try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
    }
    try await RandomTree(seed: seed).write(into: library)
    try Self.write("#!/bin/sh\n", to: application.appending("bin/run"), mode: 0o555)
    try Self.write("key = value\n", to: root.appending("etc/config"), mode: 0o444)
    try FileManager.default.createSymbolicLink(
      atPath: root.appending("bin/run").string, withDestinationPath: application.appending("bin/run").string)
    graph = try StoreGraph([
      .init(path: root.string, size: 400, references: [application.string, root.string]),
      .init(path: application.string, size: 500, references: [library.string]),
      .init(path: library.string, size: 4_000_000),
    ])
  }

  static func write(_ text: String, to path: FilePath, mode: Int = 0o644) throws {
    try text.write(toFile: path.string, atomically: false, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.string)
  }

  /// The closure as Nix would print it.
  var json: String {
    let entries = graph.nodes.map { node in
      let references = node.references.map { "\"\($0)\"" }.joined(separator: ",")
      return #"{"path":"\#(node.path)","narSize":\#(node.size),"references":[\#(references)]}"#
    }
    return "[\(entries.joined(separator: ","))]"
  }
}

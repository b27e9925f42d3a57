internal import Foundation
public import SystemPackage

/// Podman, with its storage in a directory of the test's.
public enum Podman {
  /// Runs podman; its storage is below the directory.
  @discardableResult
  public static func run(_ arguments: [String], in directory: FilePath) async throws -> String {
    let storage = ["--root", "storage", "--runroot", "run", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]
    return try await Tool.run("podman", storage + arguments, in: directory)
  }

  /// Whether podman can unpack layers here, tried with one that is not ours: not every container allows what it does.
  public static func works() async throws -> Bool {
    guard Tool.areInstalled("podman", "tar") else { return false }
    return try await withTemporaryDirectory { directory in
      try Data("x".utf8).write(to: URL(fileURLWithPath: directory.appending("file").string))
      guard (try? await Tool.run("tar", ["-cf", "layer.tar", "file"], in: directory)) != nil,
        (try? await run(["import", "layer.tar", "localhost/probe:1"], in: directory)) != nil
      else { return false }
      return (try? await run(["image", "mount", "localhost/probe:1"], in: directory)) != nil
    }
  }
}

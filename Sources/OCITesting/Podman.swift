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

  /// Runs a container of an image that podman has, without a network, and gives what it printed.
  /// - Parameters:
  ///   - image: The name that podman has it under.
  ///   - arguments: What the container runs, in place of what the image says.
  ///   - directory: Where podman's storage is.
  ///   - options: Further options of `podman run`, such as mounts.
  public static func runContainer(
    _ image: String, _ arguments: [String] = [], in directory: FilePath, options: [String] = []
  ) async throws -> String {
    // Many containers that tests run in may not raise limits, and have mixed control groups.
    let settings = """
      [containers]
      default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
      [engine]
      runtime = "runc"
      cgroup_manager = "cgroupfs"
      events_logger = "file"
      """
    let file = directory.appending("containers.conf")
    try Data(settings.utf8).write(to: URL(fileURLWithPath: file.string))
    let storage = ["--root", "storage", "--runroot", "run", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]
    let result = try await Tool.result(
      of: "podman", storage + ["run", "--rm", "--network", "none"] + options + [image] + arguments, in: directory,
      environment: ["CONTAINERS_CONF": file.string])
    guard result.status == 0 else { throw ContainerFailure(description: result.errors) }
    return result.output
  }

  private struct ContainerFailure: Error, CustomStringConvertible { let description: String }

  /// Whether podman can run containers here, tried with an image that is not ours.
  public static func runsContainers() async throws -> Bool {
    guard Tool.areInstalled("podman", "runc", "busybox"), try await works() else { return false }
    return try await withTemporaryDirectory { directory in
      let script = "mkdir bin && cp \"$(command -v busybox)\" bin/busybox && tar -cf root.tar bin"
      guard (try? await Tool.run("sh", ["-c", script], in: directory)) != nil,
        (try? await run(["import", "root.tar", "localhost/probe:1"], in: directory)) != nil
      else { return false }
      return (try? await runContainer("localhost/probe:1", ["/bin/busybox", "true"], in: directory)) != nil
    }
  }
}

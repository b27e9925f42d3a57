import Glibc
import SystemPackage

/// Something to measure.
struct Contender {
  var name: String
  var command: [String]
  /// What has to be done before each run, unmeasured.
  var preparation: [String]?
  /// How many layers it makes.
  var layers = 1
  /// The size of what it makes, after a run.
  var size: (() throws -> Int)?

  static func isOurs(_ name: String) -> Bool {
    ["none", "gzip", "zstd"].contains { name.hasPrefix($0) }
  }

  /// Ours, and the peers that are installed.
  static func all(_ tree: Tree, selected: Set<String>) -> [Contender] {
    let path = tree.path
    let program = CommandLine.arguments[0]
    let scratch = "\(path).scratch"
    let tar = "tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1 --format=posix -C '\(path)' -cf - ."
    // Both digests, as ours has both.
    let digest = "tee >(openssl dgst -sha256 > /dev/null)"
    func ours(_ encoding: String) -> Contender {
      Contender(
        name: encoding, command: [program, "layer", path, encoding],
        size: { try Output.size(of: [program, "layer", path, encoding]) })
    }
    func shell(_ name: String, _ script: String) -> Contender {
      Contender(name: name, command: ["/bin/bash", "-c", "set -o pipefail; \(script)"])
    }
    var all = [
      Contender(name: "hash alone", command: [program, "hash", "\(tree.tarSize)"]), ours("none"),
      shell("tar | openssl", "\(tar) | openssl dgst -sha256"),
      Contender(name: "four layers at once", command: [program, "layers", path, "none"], layers: 4),
      Contender(name: "least work of four", command: [program, "least", path], layers: 4), ours("gzip:6"),
      shell("tar | pigz -6", "\(tar) | \(digest) | pigz -6 -n | openssl dgst -sha256"), ours("gzip:1"),
      shell("tar | pigz -1", "\(tar) | \(digest) | pigz -1 -n | openssl dgst -sha256"), ours("gzip-libdeflate:2"),
      ours("gzip-libdeflate:3"), ours("gzip-libdeflate:6"), ours("gzip-isal:1"), ours("zstd:3"),
      shell("tar | zstd -3", "\(tar) | \(digest) | zstd -T0 -3 -q | openssl dgst -sha256"),
    ]
    var umoci = Contender(
      name: "umoci insert", command: ["umoci", "insert", "--rootless", "--image", "\(scratch)/umoci:x", path, "/tree"])
    umoci.preparation = [
      "/bin/sh", "-c",
      "rm -rf \(scratch)/umoci && mkdir -p \(scratch) && umoci init --layout \(scratch)/umoci && umoci new --image \(scratch)/umoci:x",
    ]
    umoci.size = { try Output.largestFile(in: "\(scratch)/umoci/blobs/sha256") }
    let buildah = "buildah --root \(scratch)/b --runroot \(scratch)/r --storage-driver vfs"
    var commit = Contender(
      name: "buildah commit",
      command: [
        "/bin/sh", "-c", "\(buildah) commit -q --disable-compression=false $(cat \(scratch)/name) oci:\(scratch)/o",
      ])
    commit.preparation = [
      "/bin/sh", "-c",
      "rm -rf \(scratch)/o; mkdir -p \(scratch); test -e \(scratch)/name || { \(buildah) from scratch > \(scratch)/name && \(buildah) add -q $(cat \(scratch)/name) \(path) /tree; }",
    ]
    commit.size = { try Output.largestFile(in: "\(scratch)/o/blobs/sha256") }
    all += [umoci, commit]
    return all.filter { contender in
      (selected.isEmpty || selected.contains(contender.name))
        && ["umoci": "umoci insert", "buildah": "buildah commit"].allSatisfy {
          $0.value != contender.name || Output.isInstalled($0.key)
        }
    }
  }
}

/// What programs leave.
enum Output {
  static func isInstalled(_ program: String) -> Bool { system("command -v \(program) > /dev/null 2>&1") == 0 }

  /// The last number that a program prints.
  static func size(of command: [String]) throws -> Int { Int(words(of: command).last ?? "") ?? 0 }

  /// The words that a program prints.
  static func words(of command: [String]) -> [Substring] {
    read(command.map { "'\($0)'" }.joined(separator: " ")).split { $0 == " " || $0 == "\n" }
  }

  static func largestFile(in directory: String) throws -> Int {
    Int(read("stat -c %s \(directory)/* | sort -n | tail -n 1 | tr -d '\\n'")) ?? 0
  }

  private static func read(_ script: String) -> String {
    guard let pipe = popen(script, "r") else { return "" }
    defer { pclose(pipe) }
    var text: [UInt8] = []
    while case let byte = getc(pipe), byte != EOF { text.append(UInt8(byte)) }
    return String(decoding: text, as: UTF8.self)
  }
}

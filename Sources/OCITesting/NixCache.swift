internal import Foundation
public import SystemPackage

/// A small closure that Nix builds under names of its own, to be copied to binary caches and removed from the store again.
///
/// It has what makes store paths differ: one that is a file, one that is a link, a tree with odd names and a file of some MiB,
/// a program for `linux/arm64`, and a root of links into the others. Needs Nix and a store that may be written to.
public struct NixCache: Sendable {
  /// The path whose closure it is.
  public let root: FilePath
  /// All paths of the closure, sorted.
  public let paths: [String]
  /// The public key of who signs, as Nix writes it.
  public let publicKey: String
  private let derivation: String
  private let directory: FilePath

  /// Whether Nix is here, and its store may be written to.
  public static var isAvailable: Bool {
    Tool.areInstalled("nix", "nix-store", "nix-instantiate", "xz", "zstd") && getuid() == 0
  }

  private static let environment = [
    "NIX_CONFIG": """
    sandbox = false
    substitute = false
    build-users-group =
    experimental-features = nix-command
    """
  ]

  /// Builds the closure.
  /// - Parameter directory: Where its files and caches are kept.
  public init(in directory: FilePath) async throws {
    self.directory = directory
    let salt = String(UInt64.random(in: .min ... .max), radix: 36)
    try expression.write(toFile: directory.appending("closure.nix").string, atomically: false, encoding: .utf8)
    derivation = try await Self.run("nix-instantiate", ["--argstr", "salt", salt, "closure.nix"], directory)
    root = FilePath(try await Self.run("nix-store", ["--realise", derivation], directory))
    let requisites = try await Self.run("nix-store", ["--query", "--requisites", root.string], directory)
    paths = requisites.split(separator: "\n").map(String.init).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    _ = try await Self.run("nix-store", ["--generate-binary-cache-key", "test-1", "secret", "public"], directory)
    publicKey = try String(contentsOfFile: directory.appending("public").string, encoding: .utf8)
  }

  private static func run(_ name: String, _ arguments: [String], _ directory: FilePath) async throws -> String {
    let result = try await Tool.result(of: name, arguments, in: directory, environment: environment)
    guard result.status == 0 else { throw Tool.Failure(description: "\(name) \(arguments): \(result.errors)") }
    return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Copies the closure to a binary cache; gives its directory.
  public func copy(compression: String, isSigned: Bool = true) async throws -> FilePath {
    let place = directory.appending("cache-\(compression)\(isSigned ? "" : "-unsigned")")
    let key = isSigned ? "&secret-key=\(directory)/secret" : ""
    _ = try await Self.run(
      "nix", ["copy", "--to", "file://\(place)?compression=\(compression)\(key)", root.string], directory)
    return place
  }

  /// Takes the closure out of the store; nothing is left of it but the caches.
  public func delete() async throws {
    let derivations = try await Self.run("nix-store", ["--query", "--requisites", derivation], directory)
    _ = try await Self.run("nix-store", ["--delete"] + paths, directory)
    _ = try await Self.run("nix-store", ["--delete"] + derivations.split(separator: "\n").map(String.init), directory)
  }
}

private let expression = #"""
  { salt }:
  let
    derive = name: script: derivation {
      name = "${name}-${salt}";
      system = builtins.currentSystem;
      builder = "/bin/sh";
      args = [ "-euc" script ];
      PATH = "/usr/bin:/bin";
      LC_ALL = "C";
    };
    file = derive "file" ''echo "a file of ${salt}" > "$out"'';
    link = derive "link" ''ln -s ${file} "$out"'';
    tree = derive "tree" ''
      mkdir -p "$out/lib" "$out/share/ümläut dir" "$out/empty"
      head -c 1300000 /dev/zero > "$out/lib/zeros"
      i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i + 1)); done > "$out/lib/lines"
      cp "$out/lib/lines" "$out/share/lines"
      ln -s ../lib/lines "$out/share/link"
      : > "$out/lib/nothing"
    '';
    app = derive "app" ''
      mkdir -p "$out/bin" "$out/etc"
      printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\267\0\1\0\0\0' > "$out/bin/program"
      chmod 755 "$out/bin/program"
      ln -s program "$out/bin/alias"
      echo ${link} ${tree}/lib > "$out/etc/references"
      echo "$out" > "$out/etc/self"
    '';
  in
  derive "root" ''
    mkdir -p "$out/bin" "$out/etc"
    ln -s ${app}/bin/alias "$out/bin/run"
    echo on > "$out/etc/conf"
  ''
  """#

import Foundation
import ImageAssembly
import OCICore
import OCITesting
import SystemPackage
import Testing

func withNix(_ body: (NixFixture) async throws -> Void) async throws {
  try await withTemporaryDirectory { try await body(try NixFixture($0)) }
}

/// A directory with Nix expressions that stand in for nixpkgs: raw derivations of a server, its library, certificates and time
/// zones, and the functions of Integrations/nix over the program that is being tested.
struct NixFixture {
  let directory: FilePath

  static let isThere = Tool.areInstalled("nix-store", "nix-build", "nix-instantiate", "nix") && getuid() == 0

  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  static let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appendingPathComponent("flywheel").path

  /// Another program makes other derivations, which Nix has not built yet.
  private static let build: String = {
    let status = FileSystem.sizeAndTime(FilePath(program))
    return "\(status?.size ?? 0)-\(status?.time ?? 0)"
  }()

  /// What every expression can use. No bash: it replaces itself by its last command, whose end Nix may take for that of the
  /// build.
  static let library = """
    rec {
      derive = name: script: derivation {
        inherit name;
        system = builtins.currentSystem;
        builder = "/bin/sh";
        args = [ "-euc" (script + "\\n:") ];
        PATH = "/usr/bin:/bin";
      };
      # A package that is the program under test.
      flywheel = derive "flywheel" ''
        mkdir -p $out/bin
        # \(build)
        printf '#!/bin/sh\\nexec \(program) "$@"\\n' > $out/bin/flywheel
        chmod 755 $out/bin/flywheel
      '';
      images = import \(repository)/Integrations/nix { inherit flywheel; };
      inherit (images) buildImage buildLayer pullImage pullImageFromManifest;

      glibc = derive "glibc-2.40" "mkdir -p $out/lib; head -c 300000 /dev/zero > $out/lib/libc.so.6";
      cacert = derive "nss-cacert-3.101" "mkdir -p $out/etc/ssl/certs; echo certificates > $out/etc/ssl/certs/ca-bundle.crt";
      tzdata = derive "tzdata-2026a" "mkdir -p $out/share/zoneinfo; echo UTC0 > $out/share/zoneinfo/UTC";
      busybox = derive "busybox-1.35" "mkdir -p $out/bin; cp $(command -v busybox) $out/bin/busybox; ln -s busybox $out/bin/sh";
      serverOf = version: derive "attic-server-${version}" ''
        mkdir -p $out/bin
        { echo '#!${busybox}/bin/sh'; echo 'echo ${version} "$@" in $TZ with $SSL_CERT_FILE'; } > $out/bin/atticd
        echo ${glibc} > $out/bin/needs
        chmod 755 $out/bin/atticd
      '';
      server = serverOf "0.1.0";
      rootOf = server: derive "attic-root" ''
        mkdir -p $out/bin $out/etc/ssl/certs $out/share
        ln -s ${server}/bin/atticd $out/bin/atticd
        ln -s ${cacert}/etc/ssl/certs/ca-bundle.crt $out/etc/ssl/certs/ca-bundle.crt
        ln -s ${tzdata}/share/zoneinfo $out/share/zoneinfo
      '';
      configOf = server: {
        entrypoint = [ "${server}/bin/atticd" ];
        Cmd = [ "--config" "/etc/attic/server.toml" "--mode" "monolithic" ];
        env = [ "SSL_CERT_FILE=${cacert}/etc/ssl/certs/ca-bundle.crt" "TZ=UTC" ];
        ExposedPorts."8080/tcp" = { };
        Labels."org.opencontainers.image.licenses" = "Zlib";
      };
      attic = buildImage { name = "Team/Attic"; copyToRoot = rootOf server; config = configOf server; };

    """

  init(_ directory: FilePath) throws {
    self.directory = directory
    try write(Self.library + "}\n", to: "library.nix")
  }

  func write(_ text: String, to name: String) throws {
    try FileSystem.replace(directory.appending(name), with: Array(text.utf8))
  }

  func tool(_ name: String, _ arguments: [String]) async throws -> Tool.Result {
    let settings = """
      sandbox = false
      substitute = false
      build-users-group =
      experimental-features = nix-command flakes
      """
    return try await Tool.result(
      of: name, arguments, in: directory,
      environment: [
        "NIX_CONFIG": settings, "HOME": directory.string, "XDG_CACHE_HOME": directory.appending("cache").string,
      ])
  }

  private struct Failure: Error, CustomStringConvertible { let description: String }

  private func text(of expression: String) -> String { "with import \(directory)/library.nix; \(expression)" }

  /// Builds an expression; gives the store path.
  func build(_ expression: String) async throws -> FilePath {
    let result = try await tool("nix-build", ["--no-out-link", "-E", text(of: expression)])
    guard result.status == 0 else { throw Failure(description: result.errors) }
    return FilePath(result.output.split(separator: "\n").last.map(String.init) ?? "")
  }

  /// The errors of a build that fails.
  func failure(_ expression: String) async throws -> String {
    let result = try await tool("nix-build", ["--no-out-link", "-E", text(of: expression)])
    #expect(result.status != 0)
    return result.errors
  }

  func evaluate(_ expression: String) async throws -> String {
    let result = try await tool("nix-instantiate", ["--eval", "--strict", "--json", "-E", text(of: expression)])
    guard result.status == 0 else { throw Failure(description: result.errors) }
    return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Builds an image and reads what was written of it.
  func image(_ expression: String) async throws -> AssembledImage {
    try AssembledImage(descriptionFile: try await build(expression))
  }

  func flywheel(_ arguments: String...) async throws -> Tool.Result { try await tool(Self.program, arguments) }

  /// Puts an image as files below a directory, with modes, and without owners where this is not root.
  func unpack(_ description: FilePath, into name: String) async throws -> FilePath {
    let root = directory.appending(name)
    let pushed = try await flywheel("push", description.string, "--to", "oci:layout-\(name):latest", "--quiet")
    #expect(pushed.status == 0, "\(pushed.errors)")
    try await Tool.run("umoci", ["unpack", "--image", "layout-\(name):latest", root.string], in: directory)
    return root.appending("rootfs")
  }
}

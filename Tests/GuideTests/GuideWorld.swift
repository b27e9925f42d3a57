import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage

/// What the commands of a guide see: an empty home, the program, and registries under the names that users know.
///
/// Every registry is one of ours with the ways of the one that is meant, over HTTPS, with an authority of the test's, and is reached
/// through a proxy that the environment names. `docker.io` and `quay.io` can be read without credentials and hold a few images;
/// the others take `robot` with `GuideWorld.token`.
struct GuideWorld {
  /// What the registries take as the password of `robot`.
  static let token = "t0ken-of-a-robot"

  static let isThere = Tool.areInstalled("bash", "openssl", "python3", "timeout", "curl", "busybox")

  /// The program that is tested.
  static let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appendingPathComponent("flywheel").path

  private struct Host {
    var names: [String]
    var manners: String
    var isOpen = false
  }

  private static let hosts = [
    Host(names: ["docker.io", "registry-1.docker.io", "index.docker.io"], manners: "Docker Hub", isOpen: true),
    Host(names: ["quay.io"], manners: "Quay", isOpen: true),
    Host(names: ["ghcr.io"], manners: "GitHub Container Registry"),
    Host(names: ["registry.gitlab.com"], manners: "GitLab"),
    Host(names: ["registry.example.org"], manners: "Flywheel"),
  ]

  /// Where everything of this world is.
  let directory: FilePath
  /// What commands find in their environment, and nothing else.
  let environment: [String: String]

  /// Makes a world, with an image or two in the registries that are open.
  static func with<Result>(_ body: (GuideWorld) async throws -> Result) async throws -> Result {
    try await with(images: try await images(), body)
  }

  private static func with<Result>(
    images: FilePath?, _ body: (GuideWorld) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryDirectory { directory in
      let certificates = try await certificates()
      var servers: [RegistryServer] = []
      var ports: [String] = []
      for (index, host) in hosts.enumerated() {
        let layout = directory.appending("registry-\(index)")
        if host.isOpen, let images { try await Tool.run("cp", ["-r", images.string, layout.string]) }
        var manners = RegistryManners.imitating(host.manners) ?? RegistryManners()
        // What is in the layout before the first push is in no repository otherwise.
        if host.isOpen { manners.separatesRepositories = false }
        var faults = RegistryFaults()
        if !host.isOpen { faults.authentication = .basic(Credentials(user: "robot", password: token)) }
        let server = try await RegistryServer.start(
          layout: layout,
          identity: .init(certificate: certificates.appending("world.crt"), key: certificates.appending("world.key")),
          manners: manners, faults: faults)
        servers.append(server)
        ports += host.names.map { "\($0)=\(server.address.split(separator: ":").last ?? "")" }
      }
      defer { for server in servers { Task { await server.shutdown() } } }
      for name in ["bin", "home", "tmp", "web", "work"] {
        try FileManager.default.createDirectory(
          atPath: directory.appending(name).string, withIntermediateDirectories: true)
      }
      try FileManager.default.createSymbolicLink(
        atPath: directory.appending("bin/flywheel").string, withDestinationPath: program)
      let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("network.py").path
      let port = directory.appending("port")
      let network = try Tool.start(
        "python3",
        [
          script, port.string, certificates.appending("world.crt").string, certificates.appending("world.key").string,
          directory.appending("web").string,
        ] + ports, in: directory)
      defer { network.stop() }
      while network.isRunning, !FileManager.default.fileExists(atPath: port.string) {
        try await Task.sleep(for: .milliseconds(5))
      }
      let proxy = "http://127.0.0.1:" + String(decoding: try FileSystem.contents(of: port), as: UTF8.self)
      return try await body(
        GuideWorld(directory: directory, environment: variables(directory, certificates, proxy: proxy)))
    }
  }

  private static func variables(_ directory: FilePath, _ certificates: FilePath, proxy: String) -> [String: String] {
    let authority = certificates.appending("authority.crt").string
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return [
      "PATH": "\(directory)/bin:\(path)", "HOME": "\(directory)/home", "TMPDIR": "\(directory)/tmp",
      "LC_ALL": "C.UTF-8", "HTTPS_PROXY": proxy, "https_proxy": proxy,
      // What Go's and our programs, curl and Nix look at.
      "SSL_CERT_FILE": authority, "CURL_CA_BUNDLE": authority, "NIX_SSL_CERT_FILE": authority,
      "TOKEN": token, "GUIDE_REPOSITORY": Guide.root.path, "GUIDE_WEB": "\(directory)/web",
      "GUIDE_BUILD": URL(fileURLWithPath: program).deletingLastPathComponent().path,
    ]
  }

  /// An authority, and a certificate for every name.
  private static func certificates() async throws -> FilePath { try await shared.certificates.value }

  /// The layout of the open registries.
  private static func images() async throws -> FilePath { try await shared.images.value }

  private struct Failure: Error, CustomStringConvertible { let description: String }

  /// What is made once for all worlds.
  private struct Shared: Sendable {
    let certificates: Task<FilePath, any Error>
    let images: Task<FilePath, any Error>
  }

  private static let shared: Shared = {
    // Beside the program, where it is found and made anew by the next run.
    let directory = FilePath(URL(fileURLWithPath: program).deletingLastPathComponent().path).appending("guides")
    try? FileManager.default.removeItem(atPath: directory.string)
    let names = hosts.flatMap(\.names) + ["cache.example.org", "files.example.org"]
    let certificates = Task {
      let place = directory.appending("certificates")
      try FileManager.default.createDirectory(atPath: place.string, withIntermediateDirectories: true)
      let script = """
        set -e
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout authority.key -out authority.crt -days 2 -subj /CN=guides
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout world.key -out world.csr -subj /CN=world
        printf 'subjectAltName=\(names.map { "DNS:\($0)" }.joined(separator: ","))' > names
        openssl x509 -req -in world.csr -CA authority.crt -CAkey authority.key -CAcreateserial -days 2 -extfile names -out world.crt
        """
      try await Tool.run("sh", ["-c", script], in: place)
      return place
    }
    let images = Task {
      let place = directory.appending("images")
      try await with(images: nil) { world in
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
          .appendingPathComponent("images.sh").path
        let run = try await world.bash(script, in: world.directory.appending("work"))
        guard run.status == 0 else { throw Failure(description: "images.sh: \(run.output)") }
        try await Tool.run("cp", ["-r", world.directory.appending("registry-0").string, place.string])
      }
      return place
    }
    return Shared(certificates: certificates, images: images)
  }()

  /// What a script printed, on either stream, and how it ended.
  struct Run {
    var status: Int32
    var output: String
  }

  /// Runs a script in this world; what it starts in the background may not outlive it.
  func bash(_ script: String, in place: FilePath, more: [String: String] = [:], seconds: Int = 60) async throws -> Run {
    // Into a file: what is left in the background would keep a pipe open.
    let output = directory.appending("output-\(UInt32.random(in: 0 ... .max))")
    let variables = environment.merging(more) { $1 }.map { "\($0.key)=\($0.value)" }.sorted()
    let result = try await Tool.result(
      of: "sh",
      [
        "-c", "output=$1; shift; exec timeout --kill-after=5 \(seconds) env -i \"$@\" > \"$output\" 2>&1", "sh",
        output.string,
      ]
        + variables + ["bash", script], in: place)
    let text = String(decoding: try FileSystem.contents(of: output), as: UTF8.self)
    return Run(status: result.status, output: text + result.errors)
  }
}

import Foundation
import Measuring
import OCICore
import OCITesting
import Registry
import SystemPackage

/// Foundation has one, too.
private typealias Measurement = Measuring.Measurement

/// Pushes one large blob, and an image of many small layers, to Docker's registry on this machine, beside `curl -T` and
/// skopeo, in interleaved rounds; and counts the requests that each needs.
///
/// Needs `docker-registry`, `curl` and `skopeo`, and `flywheel` built with `swift build -c release --product flywheel`.
@main
struct RegistryBenchmark {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    let rounds = arguments.first.flatMap { Int($0) } ?? 7
    let program = arguments.dropFirst().first ?? ".build/release/flywheel"
    guard FileManager.default.isExecutableFile(atPath: program) else {
      print("there is no '\(program)'; run: swift build -c release --product flywheel")
      return
    }
    try await withTemporaryDirectory { directory in
      // In memory where that can be, so that the disk is not what is measured.
      let fast = FilePath("/dev/shm/flywheel-benchmark-\(ProcessInfo.processInfo.processIdentifier)")
      try FileManager.default.createDirectory(atPath: fast.string, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: fast.string) }
      try await oneBlob(in: fast, program: program, rounds: rounds)
      try await manyLayers(in: fast, program: program, rounds: rounds)
      try await requests(in: fast, program: program)
    }
  }

  // MARK: One blob

  private static func oneBlob(in directory: FilePath, program: String, rounds: Int) async throws {
    for mebibytes in [64, 512] {
      let image = try await Sample(in: directory.appending("blob\(mebibytes)"), layerSizes: [mebibytes << 20])
      let blob = image.directory.appending("blobs/sha256/\(image.layers[0].digest.encoded)").string
      var runs: [String: [Measurement]] = [:]
      for round in 0..<rounds {
        for name in ["curl -T", "flywheel", "skopeo"] {
          try await withDockerRegistry(in: directory) { host in
            let command: [String]
            switch name {
            case "curl -T":
              let session = try await session(at: host)
              let mark = session.contains("?") ? "&" : "?"
              command = [
                "curl", "-sf", "-T", blob, "-H", "Content-Type: application/octet-stream",
                "\(session)\(mark)digest=\(image.layers[0].digest)",
              ]
            case "flywheel":
              command = [program, "copy", "-q", "oci:\(image.directory):t", "docker://\(host)/bench/x:\(round)"]
            default:
              command = [
                "skopeo", "copy", "-q", "--insecure-policy", "--preserve-digests", "--dest-tls-verify=false",
                "oci:\(image.directory):t", "docker://\(host)/bench/x:\(round)",
              ]
            }
            runs[name, default: []].append(try Measurement(running: command))
          }
        }
      }
      report("one blob of \(mebibytes) MiB (curl sends the blob alone, the others an image)", runs, base: "curl -T")
    }
  }

  private static func session(at host: String) async throws -> String {
    let text = try await Tool.run(
      "curl", ["-si", "-X", "POST", "-H", "Content-Length: 0", "http://\(host)/v2/bench/x/blobs/uploads/"])
    for line in text.split(whereSeparator: \.isNewline) where line.lowercased().hasPrefix("location:") {
      return line.dropFirst(9).trimmingCharacters(in: .whitespaces)
    }
    throw Measurement.Failure(message: "docker-registry opens no upload: \(text)")
  }

  // MARK: Many layers

  private static func manyLayers(in directory: FilePath, program: String, rounds: Int) async throws {
    let image = try await Sample(in: directory.appending("many"), layerSizes: (0..<200).map { 20_000 + $0 * 100 })
    for state in ["cold", "unchanged"] {
      var runs: [String: [Measurement]] = [:]
      for _ in 0..<rounds {
        for name in ["skopeo", "flywheel"] {
          try await withDockerRegistry(in: directory) { host in
            let destination = "docker://\(host)/bench/x:1"
            let commands = [
              "flywheel": [program, "copy", "-q", "oci:\(image.directory):t", destination],
              "skopeo": [
                "skopeo", "copy", "-q", "--insecure-policy", "--preserve-digests", "--dest-tls-verify=false",
                "oci:\(image.directory):t", destination,
              ],
            ]
            guard let command = commands[name] else { return }
            if state == "unchanged" { _ = try Measurement(running: command) }
            runs[name, default: []].append(try Measurement(running: command))
          }
        }
      }
      report("an image of 200 small layers, \(state)", runs, base: "skopeo")
    }
  }

  // MARK: Requests

  /// Against our own server, which counts: as a registry that takes a whole blob in one POST, and as `docker-registry`.
  private static func requests(in directory: FilePath, program: String) async throws {
    print("\nrequests")
    for (what, sizes) in [("one layer of 1 MiB", [1 << 20]), ("200 small layers", (0..<200).map { 20_000 + $0 * 100 })]
    {
      let image = try await Sample(in: directory.appending("r\(sizes.count)"), layerSizes: sizes)
      for manners in ["Flywheel", "distribution"] {
        for name in ["flywheel", "skopeo"] {
          var counts: [Int] = []
          try await withTestRegistry(manners: RegistryManners.imitating(manners) ?? RegistryManners()) { registry in
            for _ in 0..<2 {
              registry.server.forgetRequests()
              let destination = "docker://\(registry.server.address)/bench/x:1"
              if name == "flywheel" {
                try await Tool.run(program, ["copy", "-q", "oci:\(image.directory):t", destination])
              } else {
                try await Tool.run(
                  "skopeo",
                  [
                    "copy", "-q", "--insecure-policy", "--preserve-digests", "--dest-tls-verify=false",
                    "oci:\(image.directory):t", destination,
                  ])
              }
              counts.append(registry.server.requests.count)
            }
          }
          print("  \(what), to \(manners): \(name) \(counts[0]) cold, \(counts[1]) unchanged")
        }
      }
    }
  }

  // MARK: Helpers

  /// A layout with one image of random layers, made piece by piece: a process that once was large makes its children look so.
  private struct Sample {
    let directory: FilePath
    let layers: [Descriptor]

    init(in directory: FilePath, layerSizes: [Int]) async throws {
      self.directory = directory
      let layout = ImageLayoutStore(directory)
      var layers: [Descriptor] = []
      for (number, size) in layerSizes.enumerated() {
        let source = BlobSource { Self.noise(seed: UInt64(number), size: size) }
        var digester = Digester()
        for try await chunk in try await source.open() { digester.update(chunk.span) }
        let layer = Descriptor(mediaType: .layerTar, digest: digester.finalize(), size: Int64(size))
        try await layout.push(layer, from: source)
        layers.append(layer)
      }
      let configuration = ImageConfiguration(
        platform: Platform(architecture: "amd64"), diffIDs: layers.map(\.digest)
      ).canonicalBytes
      let config = Descriptor(mediaType: .imageConfiguration, describing: configuration)
      try await layout.push(config, from: BlobSource(configuration))
      let bytes = ImageManifest(config: config, layers: layers).canonicalBytes
      try await layout.publish(Descriptor(mediaType: .imageManifest, describing: bytes), bytes: bytes, tags: ["t"])
      self.layers = layers
    }

    private static func noise(seed: UInt64, size: Int) -> ByteStream {
      ByteStream { writer in
        var generator = SeededGenerator(seed: seed)
        var rest = size
        while rest > 0 {
          try writer.write(generator.bytes(min(rest, 1 << 20)))
          rest -= min(rest, 1 << 20)
        }
      }
    }
  }

  private static func report(_ what: String, _ runs: [String: [Measurement]], base: String) {
    print("\n\(what): least wall and processor seconds of \(runs.values.first?.count ?? 0) interleaved rounds")
    guard let least = runs[base].map({ Measurement.minimum(of: $0) }) else { return }
    for name in runs.keys.sorted() {
      let run = Measurement.minimum(of: runs[name] ?? [])
      func number(_ value: Double) -> String { String(format: "%.2f", value) }
      print(
        "  \(name): \(number(run.wall)) s wall (\(number(run.wall / least.wall)) of \(base)), "
          + "\(number(run.processor)) s processor, peak \(run.peakKiB / 1024) MiB")
    }
  }
}

import Glibc
import OCICore
import SystemPackage

/// Reads, checks and writes a large document again and again, for `count-instructions` to count what that takes.
///
///     DocumentBenchmark make (index|config) ENTRIES FILE
///     DocumentBenchmark run (index|config) FILE REPETITIONS
@main
struct DocumentBenchmark {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst().map(\.self)
    guard arguments.count == 4 else { exit(usage()) }
    switch (arguments[0], arguments[1], Int(arguments[2]), Int(arguments[3])) {
    case ("make", "index", let count?, _): try write(index(count).canonicalBytes, to: arguments[3])
    case ("make", "config", let count?, _): try write(configuration(count).canonicalBytes, to: arguments[3])
    case ("run", "index", _, let count?): try run(ImageIndex.self, arguments[2], count)
    case ("run", "config", _, let count?): try run(ImageConfiguration.self, arguments[2], count)
    default: exit(usage())
    }
  }

  private static func usage() -> Int32 {
    print("usage: DocumentBenchmark make (index|config) ENTRIES FILE | run (index|config) FILE REPETITIONS")
    return 64
  }

  private static func run<Value: ImageDocument>(_ type: Value.Type, _ file: String, _ repetitions: Int) throws {
    let bytes = try read(file)
    for repetition in 0..<repetitions {
      let value = try Value(parsing: bytes, limit: 64 << 20)
      let (findings, output) = (value.validate(), value.canonicalBytes)
      // What is counted is what another repetition costs, so that the first may look closer.
      guard findings.isEmpty, output.count == bytes.count, repetition > 0 || output == bytes else {
        print("the document does not come back as it was")
        exit(1)
      }
    }
    print("\(repetitions) times \(bytes.count) bytes")
  }

  // MARK: Documents

  private static func index(_ count: Int) -> ImageIndex {
    ImageIndex(
      manifests: (0..<count).map { number in
        Descriptor(
          mediaType: .imageManifest, digest: .of(Array(String(number).utf8)), size: Int64(1000 + number),
          annotations: [AnnotationKey.referenceName: "v1.\(number)", AnnotationKey.revision: "abc\(number)"],
          platform: Platform(architecture: "arm64", variant: "v8"))
      })
  }

  private static func configuration(_ count: Int) -> ImageConfiguration {
    var runtime = RuntimeConfiguration()
    runtime.environment = (0..<20).map { "NAME_\($0)=value \($0)" }
    runtime.entrypoint = ["/usr/local/bin/entrypoint"]
    runtime.labels = Dictionary(uniqueKeysWithValues: (0..<20).map { ("com.example.label.\($0)", "value \($0)") })
    runtime.exposedPorts = ["8080/tcp"]
    return ImageConfiguration(
      platform: Platform(architecture: "amd64"), runtime: runtime,
      diffIDs: (0..<(count / 2)).map { .of(Array(String($0).utf8)) },
      history: (0..<count).map { number in
        .init(
          created: "2026-01-31T12:00:00Z", createdBy: "RUN /bin/sh -c echo \(number) > \"/tmp/\(number)\" # buildkit",
          comment: "buildkit.dockerfile.v0", emptyLayer: number >= count / 2)
      }, created: "2026-01-31T12:00:00Z")
  }

  // MARK: Files

  private static func write(_ bytes: [UInt8], to path: String) throws {
    let file = try FileDescriptor.open(
      FilePath(path), .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    _ = try file.closeAfter { try file.writeAll(bytes) }
  }

  private static func read(_ path: String) throws -> [UInt8] {
    let file = try FileDescriptor.open(FilePath(path), .readOnly)
    return try file.closeAfter {
      let size = Int(try file.seek(offset: 0, from: .end))
      try file.seek(offset: 0, from: .start)
      return try Array(unsafeUninitializedCapacity: size) { buffer, count in
        while count < size {
          let part = try file.read(
            into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...]))
          guard part > 0 else { break }
          count += part
        }
      }
    }
  }
}

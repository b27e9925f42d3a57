import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// No blob is ever held in memory, neither by the client nor by the server.
struct MemoryTests {
  private static let limit = 64 << 10
  private static let hasStatus = peak() != nil

  /// The largest size that this process has had, in KiB.
  private static func peak() -> Int? {
    guard let file = try? FileDescriptor.open("/proc/self/status", .readOnly) else { return nil }
    defer { try? file.close() }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0) }) ?? 0
    let lines = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n")
    return lines.first { $0.hasPrefix("VmHWM:") }?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
  }

  // In a process of its own, where no other test takes memory.
  @Test(.enabled(if: hasStatus)) func aLargeBlobNeedsLittleMemory() async throws {
    await #expect(processExitsWith: .success) {
      let size = 256 << 20
      let make: @Sendable (ByteStream.Writer) throws -> Void = { writer in
        var generator = SeededGenerator(seed: 1)
        let block = generator.bytes(1 << 20)
        for number in 0..<(size >> 20) {
          var chunk = block
          chunk[0] = UInt8(truncatingIfNeeded: number)
          try writer.write(chunk)
        }
      }
      var digester = Digester()
      for try await chunk in ByteStream(producer: make) { digester.update(chunk.span) }
      let blob = Descriptor(mediaType: .layerTar, digest: digester.finalize(), size: Int64(size))
      try await withTestRegistry { registry in
        let before = try #require(MemoryTests.peak())
        try await registry.repository().push(blob, from: BlobSource { ByteStream(producer: make) })
        var count = 0
        for try await chunk in try await registry.repository().fetch(blob) { count += chunk.count }
        #expect(count == size)
        let after = try #require(MemoryTests.peak())
        print("peak memory: \(before) KiB before, \(after) KiB after \(size >> 20) MiB each way")
        #expect(after - before < MemoryTests.limit, "from \(before) to \(after) KiB")
      }
    }
  }
}

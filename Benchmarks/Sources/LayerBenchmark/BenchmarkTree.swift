import Glibc
import SystemPackage

/// A tree like a Nix closure's: many small files, a few large ones, half text and half noise. The same on every machine.
enum BenchmarkTree {
  /// Makes the tree unless it is there, and gives the bytes of its files.
  static func make(at root: FilePath, files: Int, bytes: Int) throws -> Int {
    let marker = root.removingLastComponent().appending("\(root.lastComponent?.string ?? "tree").made")
    var random = Generator(state: 0x2545_F491_4F6C_DD1D)
    // Sizes follow a power law: most files are a few KiB, the largest some tens of MiB.
    var sizes = (0..<files).map { _ -> Int in
      let exponent = Double(random.next() % 1_000_000) / 1_000_000
      return Int(512 * pow(2, 15.6 * exponent * exponent))
    }
    let scale = Double(bytes) / Double(sizes.reduce(0, +))
    sizes = sizes.map { max(1, Int(Double($0) * scale)) }
    let total = sizes.reduce(0, +)
    if let file = try? FileDescriptor.open(marker, .readOnly) {
      try file.close()
      return total
    }
    try makeDirectory(root.removingLastComponent())
    try makeDirectory(root)
    let text = Self.text(&random)
    for (index, size) in sizes.enumerated() {
      let directory = root.appending("directory-\(index / 64)")
      if index % 64 == 0 { try makeDirectory(directory) }
      let file = try FileDescriptor.open(
        directory.appending("file-\(index)"), .writeOnly, options: [.create, .truncate], permissions: [.ownerRead])
      try file.closeAfter { try write(size, isText: index % 2 == 0, text, &random, to: file) }
    }
    try FileDescriptor.open(marker, .writeOnly, options: .create, permissions: .ownerRead).close()
    return total
  }

  private static func write(
    _ size: Int, isText: Bool, _ text: [UInt8], _ random: inout Generator, to file: FileDescriptor
  ) throws {
    var rest = size
    while rest > 0 {
      let count = min(rest, 1 << 18)
      let offset = Int(random.next() % UInt64(text.count - (1 << 18)))
      let chunk = isText ? Array(text[offset..<offset + count]) : random.bytes(count)
      try file.writeAll(chunk)
      rest -= count
    }
  }

  private static func text(_ random: inout Generator) -> [UInt8] {
    let words = (0..<2000).map { _ in (0..<Int(2 + random.next() % 9)).map { _ in UInt8(97 + random.next() % 26) } }
    var text: [UInt8] = []
    while text.count < 4 << 20 { text += words[Int(random.next() % 2000)] + [random.next() % 12 == 0 ? 10 : 32] }
    return text
  }

  static func makeDirectory(_ path: FilePath) throws {
    guard path.withPlatformString({ mkdir($0, 0o755) }) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
  }

  struct Generator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    mutating func bytes(_ count: Int) -> [UInt8] {
      var result: [UInt8] = []
      result.reserveCapacity(count + 8)
      while result.count < count {
        var value = next()
        for _ in 0..<8 {
          result.append(UInt8(truncatingIfNeeded: value))
          value >>= 8
        }
      }
      return Array(result.prefix(count))
    }
  }
}

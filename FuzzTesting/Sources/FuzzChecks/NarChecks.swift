import OCICore
import Synchronization
import SystemPackage
import Tarball

/// Gives an input as the archive of one path.
private struct NarSubstitute: TreeSubstitute {
  static let path: FilePath = "/flywheel-fuzz/no-store/0123456789abcdfghijklmnpqrsvwxyz-fuzz"
  let input: [UInt8]

  func archive(of path: FilePath) async throws -> StoreArchive? {
    StoreArchive(
      of: Self.path, BlobSource(input), digest: .of(input), size: Int64(input.count), origin: "input of a fuzzer")
  }
}

extension FuzzTarget {
  /// A NAR gives a layer or is refused; what the layer holds has that one NAR.
  func checkNar(_ input: [UInt8]) throws -> Bool {
    let magic = NarWriter.string("nix-archive-1".utf8)
    // Compressed, it has many forms.
    guard input.starts(with: magic) else { return false }
    let recipe = LayerRecipe([.init(NarSubstitute.path, at: "/root")])
    let layer: [UInt8]
    do {
      layer = try wait {
        let source = recipe.source(encoding: .none, substitute: NarSubstitute(input: input))
        return try await source.open().collect(upTo: 64 << 20)
      }
    } catch is TarballError {
      return false
    }
    let members = Mutex<[(entry: LayerListing.Entry, content: [UInt8])]>([])
    try wait {
      try await Archive(BlobSource(layer)).forEachMember { member, content in
        let bytes = try content.collect(upTo: 64 << 20)
        members.withLock { $0.append((member.entry, bytes)) }
      }
    }
    var writer = NarWriter()
    for (entry, content) in members.withLock({ $0 }) { writer.append(entry, content) }
    try require(magic + writer.finished() == input, "a tree has one NAR")
    return true
  }
}

/// Writes the NAR of what a layer has, which comes in the same order.
private struct NarWriter {
  private var bytes: [UInt8] = []
  /// The paths of directories that are not at their end.
  private var open: [[UInt8]] = []

  static func string(_ bytes: some Collection<UInt8>) -> [UInt8] {
    let length = (0..<8).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) }
    return length + bytes + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
  }

  private mutating func add(_ texts: String...) { for text in texts { bytes += Self.string(text.utf8) } }

  mutating func append(_ entry: LayerListing.Entry, _ content: [UInt8]) {
    while let last = open.last, !entry.path.starts(with: last + [UInt8(ascii: "/")]) { close() }
    if let parent = open.last {
      add("entry", "(", "name")
      bytes += Self.string(entry.path.dropFirst(parent.count + 1))
      add("node")
    }
    add("(", "type")
    switch entry.kind {
    case .directory:
      add("directory")
      return open.append(entry.path)
    case .symlink:
      add("symlink", "target")
      bytes += Self.string(entry.linkTarget ?? [])
    default:
      add("regular")
      if entry.mode == 0o555 { add("executable", "") }
      add("contents")
      bytes += Self.string(content)
    }
    add(")")
    if !open.isEmpty { add(")") }
  }

  private mutating func close() {
    open.removeLast()
    add(")")
    if !open.isEmpty { add(")") }
  }

  mutating func finished() -> [UInt8] {
    while !open.isEmpty { close() }
    return bytes
  }
}

import OCICore
import Synchronization
import SystemPackage
import Tarball

/// NARs written by hand, right or wrong, and a substitute that gives them.
enum NarSample {
  static func string(_ bytes: some Collection<UInt8>) -> [UInt8] {
    let length = (0..<8).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) }
    return length + bytes + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
  }

  static func strings(_ texts: String...) -> [UInt8] { texts.flatMap { string($0.utf8) } }

  static func nar(_ node: [UInt8]) -> [UInt8] { strings("nix-archive-1") + node }

  static func file(_ content: some Collection<UInt8>, isExecutable: Bool = false) -> [UInt8] {
    strings("(", "type", "regular") + (isExecutable ? strings("executable", "") : []) + strings("contents")
      + string(content) + strings(")")
  }

  static func link(_ target: String) -> [UInt8] { strings("(", "type", "symlink", "target", target, ")") }

  static func directory(_ entries: (name: String, node: [UInt8])...) -> [UInt8] {
    strings("(", "type", "directory")
      + entries.flatMap { strings("entry", "(", "name", $0.name, "node") + $0.node + strings(")") } + strings(")")
  }

  /// A path that is on no machine.
  static let path: FilePath = "/no/store/0123456789abcdfghijklmnpqrsvwxyz-sample"

  static func path(_ number: Int) -> FilePath { FilePath("\(path)-\(number)") }
}

/// Gives NARs for paths, and remembers what was asked for.
final class NarSubstitute: TreeSubstitute {
  private let archives: [FilePath: StoreArchive]
  private let openings = Mutex<[FilePath]>([])

  init(_ nars: [FilePath: [UInt8]]) { archives = nars.mapValues { nar in Self.archive("", BlobSource(nar), of: nar) } }

  init(_ archives: [FilePath: StoreArchive]) { self.archives = archives }

  static func archive(_ path: FilePath, _ source: BlobSource, of nar: [UInt8]) -> StoreArchive {
    StoreArchive(of: path, source, digest: Digest.of(nar), size: Int64(nar.count), origin: "test cache")
  }

  /// The paths whose archives were opened, each as often as it was.
  var opened: [FilePath] { openings.withLock { $0 } }

  func archive(of path: FilePath) async throws -> StoreArchive? {
    guard let (root, archive) = archives.first(where: { path.starts(with: $0.key) }) else { return nil }
    var result = archive
    result.path = root
    result.source = BlobSource { [self] in
      openings.withLock { $0.append(root) }
      return try await archive.source.open()
    }
    return result
  }
}

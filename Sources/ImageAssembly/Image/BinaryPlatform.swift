internal import OCICore
internal import SystemPackage

/// Finds out what an image runs on by looking at its programs, so that the machine that assembles it does not matter.
struct BinaryPlatform {
  /// The platform of an ELF file, by its beginning, or `nil` for anything else.
  static func read(_ header: [UInt8]) -> Platform? {
    guard header.count == SourceFiles.beginningLength, header.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { return nil }
    let isLittleEndian = header[5] == 1
    let machine = isLittleEndian ? Int(header[18]) | Int(header[19]) << 8 : Int(header[18]) << 8 | Int(header[19])
    let is64Bit = header[4] == 2
    switch (machine, isLittleEndian) {
    case (243, _) where !is64Bit, (258, _) where !is64Bit: return nil
    case (3, true): return Platform(architecture: "386")
    case (21, true): return Platform(architecture: "ppc64le")
    case (21, false): return Platform(architecture: "ppc64")
    case (22, false): return Platform(architecture: "s390x")
    case (40, true): return Platform(architecture: "arm", variant: "v7")
    case (62, true): return Platform(architecture: "amd64")
    case (183, true): return Platform(architecture: "arm64")
    case (243, true): return Platform(architecture: "riscv64")
    case (258, true): return Platform(architecture: "loong64")
    default: return nil
    }
  }

  /// The platform of an image: that of its entrypoint, else of the first program or library among its trees. What a
  /// symbolic link of the image leads to on this machine alone is not looked at.
  static func detect(
    entrypoint: String?, roots: [FilePath], trees: [(host: FilePath, destination: FilePath)], in files: SourceFiles
  ) async throws -> Platform? {
    let hosts = roots + trees.map(\.host)
    let own = Set(hosts.map { FileSystem.resolvingSymlinks($0).string })
    func plain(_ path: FilePath) async throws -> Platform? {
      try await files.beginning(of: path, count: SourceFiles.beginningLength).flatMap(Self.read)
    }
    func read(_ path: FilePath) async throws -> Platform? {
      let resolved = try await files.resolved(path)
      return isBelow(resolved.string, own) ? try await plain(resolved) : nil
    }
    if let entrypoint {
      let path = FilePath(entrypoint)
      var candidates = path.isAbsolute ? roots.map { $0.appending(path.components) } : []
      for tree in trees {
        var rest = path
        if rest.removePrefix(tree.destination) { candidates.append(tree.host.appending(rest.components)) }
      }
      for candidate in candidates {
        if let platform = try await read(candidate) { return platform }
      }
    }
    for directory in ["bin", "sbin", "libexec", "lib"] {
      for tree in hosts {
        let place = tree.appending(directory)
        let names = try await files.names(in: place).sorted(by: byteOrder)
        // Where nothing is a link, nothing leads out, and there is nothing to follow.
        let isOwn = !names.isEmpty && FileSystem.isRealDirectory(tree) && FileSystem.isRealDirectory(place)
        for name in names.prefix(200) {
          let path = place.appending(name)
          let isPlain = isOwn && FileSystem.sizeAndTime(path) != nil
          if let platform = isPlain ? try await plain(path) : try await read(path) { return platform }
        }
      }
    }
    // A source may be a program itself.
    for tree in hosts where try await !files.isRealDirectory(tree) {
      if let platform = try await read(tree) { return platform }
    }
    return nil
  }

  /// Whether a path is one of some, or below one. There may be many of both.
  private static func isBelow(_ path: String, _ places: Set<String>) -> Bool {
    if places.contains(path) || places.contains("/") { return true }
    var rest = path[...]
    while let slash = rest.utf8.lastIndex(of: UInt8(ascii: "/")) {
      rest = rest[..<slash]
      if places.contains(String(rest)) { return true }
    }
    return false
  }
}

import Foundation
import SystemPackage
import Testing

/// What depends on the platform is in the files that `docs/platforms.md` lists, and nowhere else: a port reads those alone.
struct PlatformIsolationTests {
  private static let root = FilePath(#filePath).removingLastComponent().appending("../..").lexicallyNormalized()

  /// What gives a line away, in Swift and in C. Comments may mention what they like.
  private static let marks = [
    #"^\s*#(else)?if .*\b(canImport|os|arch|targetEnvironment)\("#,
    #"\bimport (Android|Bionic|Darwin|Glibc|Musl|WASILibc|WinSDK|ucrt)\b"#,
    #"@available\(|#available\("#,
    #"\b__(APPLE|linux|GLIBC|MUSL|FreeBSD|ANDROID|x86_64|i386|aarch64|arm|SSE\w*|AVX\w*|ARM_\w+)_*\b"#, #"\b_WIN32\b"#,
    #"\b(st_mtim|st_mtimespec|ENODATA|ENOATTR|F_FULLFSYNC|LC_CTYPE_MASK|O_PATH|O_TMPFILE|AT_EMPTY_PATH)\b"#,
    #"\b(syscall|prctl|memfd_create|renameat2|renamex_np|copy_file_range|copyfile|clonefile|sendfile|statx|getrandom)\("#,
    #"\b(arc4random\w*|getentropy|l?(list|get|set)xattr|inotify_\w+|epoll_\w+|kqueue|io_uring_\w+|mallopt)\("#,
    #""/(proc|sys)/self"#,
  ]

  private static func marks(in text: String) throws -> [String] {
    let expression = try NSRegularExpression(pattern: marks.joined(separator: "|"))
    return text.components(separatedBy: "\n").filter { line in
      !line.drop(while: \.isWhitespace).hasPrefix("//")
        && expression.firstMatch(in: line, range: NSRange(line.startIndex..., in: line)) != nil
    }
  }

  /// The files in the table of `docs/platforms.md`.
  private static func listed() throws -> Set<String> {
    let text = String(decoding: try TestFiles.read(root.appending("docs/platforms.md")), as: UTF8.self)
    return Set(
      text.components(separatedBy: "\n").filter { $0.hasPrefix("| `Sources/") }.map {
        $0.components(separatedBy: "`")[1]
      })
  }

  @Test(arguments: [
    "#if os(Linux)", "  #if canImport(Darwin)", "  #elseif arch(arm64) || arch(x86_64)", "internal import Glibc",
    "#if defined(__linux__)", "#ifdef __x86_64__", "let time = status.st_mtim", "  let result = prctl(1)",
    #"  open("/proc/self/exe")"#, "#if defined(__ARM_FEATURE_CRYPTO)",
  ])
  func mentionIsSeen(line: String) throws {
    #expect(try Self.marks(in: "first\n\(line)\nlast") == [line])
  }

  @Test(arguments: [
    "// On Linux, #if os(Linux)", "#if DEBUG", "#ifndef FLYWHEEL_CSHA256_H", #"let os = "linux""#, "import HostSystem",
    "let rate = progress(bytes)", #"directories: ["/dev", "/proc", "/sys"]"#,
  ])
  func otherLinesAreNot(line: String) throws {
    #expect(try Self.marks(in: line) == [])
  }

  @Test func onlyListedFilesMentionAPlatform() throws {
    var count = 0
    var found: [String: [String]] = [:]
    for directory in ["Sources", "FuzzTesting/Sources/FuzzChecks"] {
      let files = FileManager.default.enumerator(atPath: Self.root.appending(directory).string)
      for case let name as String in try #require(files) {
        guard [".swift", ".c", ".h"].contains(where: { name.hasSuffix($0) }) else { continue }
        let path = "\(directory)/\(name)"
        let lines = try Self.marks(in: String(decoding: TestFiles.read(Self.root.appending(path)), as: UTF8.self))
        if !lines.isEmpty { found[path] = lines }
        count += 1
      }
    }
    #expect(count > 300)
    let listed = try Self.listed()
    #expect(!listed.isEmpty)
    #expect(found.filter { !listed.contains($0.key) } == [:], "put these into Sources/HostSystem/Host.swift")
    #expect(listed.subtracting(found.keys) == [], "docs/platforms.md lists files that mention no platform any more")
  }
}

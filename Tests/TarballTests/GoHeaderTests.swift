import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Tarball

/// Header blocks for members that no test could have on disk, byte by byte against Go's `archive/tar`.
struct GoHeaderTests {
  private static let program = #"""
    package main

    import (
    	"archive/tar"
    	"bufio"
    	"bytes"
    	"crypto/sha256"
    	"encoding/hex"
    	"fmt"
    	"os"
    	"strconv"
    	"strings"
    	"time"
    )

    func text(s string) string {
    	b, err := hex.DecodeString(s)
    	if err != nil {
    		panic(err)
    	}
    	return string(b)
    }

    func number(s string) int64 {
    	n, err := strconv.ParseInt(s, 10, 64)
    	if err != nil {
    		panic(err)
    	}
    	return n
    }

    func main() {
    	lines := bufio.NewScanner(os.Stdin)
    	lines.Buffer(nil, 1<<22)
    	for lines.Scan() {
    		f := strings.Split(lines.Text(), " ")
    		h := &tar.Header{Typeflag: f[0][0], Name: text(f[1]), Linkname: text(f[2]), Mode: number(f[3]),
    			Uid: int(number(f[4])), Gid: int(number(f[5])), Size: number(f[6]), ModTime: time.Unix(number(f[7]), 0),
    			Uname: text(f[8]), Gname: text(f[9]), Devmajor: number(f[10]), Devminor: number(f[11])}
    		for _, x := range f[12:] {
    			kv := strings.Split(x, "=")
    			if h.PAXRecords == nil {
    				h.PAXRecords = map[string]string{}
    			}
    			h.PAXRecords["SCHILY.xattr."+text(kv[0])] = text(kv[1])
    		}
    		var b bytes.Buffer
    		if err := tar.NewWriter(&b).WriteHeader(h); err != nil {
    			panic(err)
    		}
    		fmt.Printf("%d %x\n", b.Len(), sha256.Sum256(b.Bytes()))
    	}
    }
    """#

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private func randomEntry(_ generator: inout SeededGenerator) -> TarEntry {
    /// Lengths around every boundary of the grammar.
    func length() -> Int {
      let around = [1, 32, 80, 100, 101, 155, 156, 157, 255, 256, 257, 300][Int.random(in: 0..<12, using: &generator)]
      return max(1, around + Int.random(in: -2...2, using: &generator))
    }
    func bytes(_ count: Int, slashes: Bool) -> [UInt8] {
      let isPlain = Int.random(in: 0..<4, using: &generator) > 0
      let every = [3, 17, 60, 99, 100][Int.random(in: 0..<5, using: &generator)]
      var result = (0..<count).map { index -> UInt8 in
        if slashes, index % every == every - 1 { return UInt8(ascii: "/") }
        return isPlain ? UInt8.random(in: 97...122, using: &generator) : UInt8.random(in: 1...255, using: &generator)
      }
      // No name of a layer has what a lexical cleaning would change.
      for index in result.indices where result[index] == UInt8(ascii: ".") { result[index] = 65 }
      if !slashes { for index in result.indices where result[index] == UInt8(ascii: "/") { result[index] = 65 } }
      for index in result.indices.dropFirst() where result[index] == 47 && result[index - 1] == 47 {
        result[index] = 66
      }
      if result.first == 47 { result[0] = 67 }
      if result.last == 47 { result[count - 1] = 68 }
      return result
    }
    func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &generator)] }
    let target = bytes(length(), slashes: true)
    let kind: TarEntry.Kind = pick([
      .file(size: pick([0, 1, 511, 1 << 20, (8 << 30) - 1, 8 << 30, 9 << 30, 1 << 50])), .directory,
      .symlink(target: target), .hardLink(target: target), .characterDevice(major: 1, minor: 3),
      .blockDevice(major: (1 << 21) - 1, minor: 0), .fifo,
    ])
    var entry = TarEntry(
      path: bytes(length(), slashes: true), kind: kind, mode: UInt32.random(in: 0..<0o10000, using: &generator))
    if kind == .directory { entry.path.append(UInt8(ascii: "/")) }
    if Int.random(in: 0..<6, using: &generator) == 0 { entry.path.insert(UInt8(ascii: "/"), at: 0) }
    entry.uid = pick([0, 1000, (1 << 21) - 1, 1 << 21, 1 << 31])
    entry.gid = pick([0, 0, 0, 1 << 21])
    entry.modificationTime = pick([0, 1, 1, -1, 1_700_000_000, (1 << 33) - 1, 1 << 33])
    if Int.random(in: 0..<3, using: &generator) == 0 {
      entry.userName = bytes(pick([4, 31, 32, 33]), slashes: false)
      entry.groupName = bytes(pick([4, 31, 32, 33]), slashes: false)
    }
    if Int.random(in: 0..<4, using: &generator) == 0 {
      entry.extendedAttributes = [
        ExtendedAttribute(name: Array("security.capability".utf8), value: generator.bytes(20)),
        ExtendedAttribute(
          name: Array("user.\(Int.random(in: 0..<99, using: &generator))".utf8), value: generator.bytes(3)),
      ]
    }
    return entry
  }

  @Test(.enabled(if: Tool.areInstalled("go"))) func everyHeaderIsTheOneThatGoWrites() async throws {
    try await withTemporaryDirectory { directory in
      try TestTree.write(Self.program, to: directory.appending("headers.go"))
      let environment = ["GOCACHE": directory.appending("cache").string, "GO111MODULE": "off"]
      let built = try await Tool.result(
        of: "go", ["build", "-o", "headers", "headers.go"], in: directory, environment: environment)
      #expect(built.status == 0, "\(built.errors)")
      var generator = SeededGenerator(seed: 12)
      let entries = (0..<4000).map { _ in randomEntry(&generator) }
      let lines = entries.map { entry in
        let (major, minor) = entry.deviceNumbers
        let fields = [
          String(Character(Unicode.Scalar(entry.typeFlag))), hex(entry.path), hex(entry.linkTarget), "\(entry.mode)",
          "\(entry.uid)", "\(entry.gid)", "\(entry.size)", "\(entry.modificationTime)", hex(entry.userName),
          hex(entry.groupName), "\(major)", "\(minor)",
        ]
        return (fields + entry.extendedAttributes.map { "\(hex($0.name))=\(hex($0.value))" }).joined(separator: " ")
      }
      try TestTree.write(lines.joined(separator: "\n") + "\n", to: directory.appending("entries"))
      let output = try await Tool.run("/bin/sh", ["-c", "./headers < entries"], in: directory)
      let theirs = output.split(separator: "\n").map(String.init)
      #expect(theirs.count == entries.count)
      for (entry, other) in zip(entries, theirs) {
        var bytes: [UInt8] = []
        try TarHeader.append(entry, to: &bytes)
        #expect("\(bytes.count) \(Digest.of(bytes).hex)" == other, "\(entry)")
      }
    }
  }
}

import Foundation
import OCICore
import OCITesting
import SystemPackage
import Tarball
import Testing

/// The byte oracle of the header grammar: the tar writer of Go's standard library, through which most container tools
/// write. Runs where a Go compiler is installed.
struct GoOracleTests {
  private static let program = #"""
    package main

    import (
    	"archive/tar"
    	"crypto/sha256"
    	"fmt"
    	"io"
    	"os"
    	"path/filepath"
    	"time"
    )

    func check(err error) {
    	if err != nil {
    		panic(err)
    	}
    }

    func main() {
    	sum := sha256.New()
    	archive := tar.NewWriter(sum)
    	check(filepath.Walk(os.Args[1], func(path string, info os.FileInfo, err error) error {
    		check(err)
    		name, err := filepath.Rel(os.Args[1], path)
    		check(err)
    		if name == "." {
    			return nil
    		}
    		header := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), ModTime: time.Unix(1, 0)}
    		switch {
    		case info.IsDir():
    			header.Typeflag, header.Name = tar.TypeDir, name+"/"
    		case info.Mode()&os.ModeSymlink != 0:
    			header.Typeflag, header.Mode = tar.TypeSymlink, 0777
    			header.Linkname, err = os.Readlink(path)
    			check(err)
    		default:
    			header.Typeflag, header.Size = tar.TypeReg, info.Size()
    		}
    		check(archive.WriteHeader(header))
    		if header.Typeflag == tar.TypeReg {
    			file, err := os.Open(path)
    			check(err)
    			defer file.Close()
    			_, err = io.Copy(archive, file)
    			check(err)
    		}
    		return nil
    	}))
    	check(archive.Close())
    	fmt.Printf("%x", sum.Sum(nil))
    }
    """#

  @Test(.enabled(if: Tool.areInstalled("go"))) func everyTreeGivesTheBytesThatGoWrites() async throws {
    try await withTemporaryDirectory { directory in
      try Self.program.write(toFile: directory.appending("oracle.go").string, atomically: true, encoding: .utf8)
      let environment = ["GOCACHE": directory.appending("cache").string, "GOFLAGS": "-mod=mod", "GO111MODULE": "off"]
      let built = try await Tool.result(
        of: "go", ["build", "-o", "oracle", "oracle.go"], in: directory, environment: environment)
      #expect(built.status == 0, "\(built.errors)")
      for seed in 100..<120 as Range<UInt64> {
        let tree = directory.appending("tree-\(seed)")
        try FileManager.default.createDirectory(atPath: tree.string, withIntermediateDirectories: false)
        try await RandomTree(seed: seed).write(into: tree)
        let oracle = try await Tool.run(directory.appending("oracle").string, [tree.string])
        #expect(try await LayerRecipe([.init(tree, at: "/")]).digests(encoding: .none).digest.hex == oracle)
      }
    }
  }
}

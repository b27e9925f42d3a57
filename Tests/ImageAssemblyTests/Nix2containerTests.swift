import Foundation
import ImageAssembly
import OCICore
import OCITesting
import SystemPackage
import Tarball
import Testing

/// What nix2container built is read, and its layers are produced to the byte, by its rules as its documentation and users know
/// them; an independent writer of these rules in Go is the oracle.
struct Nix2containerTests {
  private static let oracle = #"""
    package main

    import (
    	"archive/tar"
    	"crypto/sha256"
    	"encoding/json"
    	"fmt"
    	"io"
    	"os"
    	"path/filepath"
    	"regexp"
    	"sort"
    	"strings"
    	"time"
    )

    type Perm struct { Regex, Mode, Uname, Gname string; Uid, Gid int }
    type Options struct {
    	Rewrite struct{ Regex, Repl string }
    	Perms   []Perm
    }
    type Path struct { Path string; Options *Options }
    type node struct {
    	source   string
    	info     os.FileInfo
    	options  *Options
    	children map[string]*node
    }

    func check(err error) { if err != nil { panic(err) } }

    func (n *node) child(name string) *node {
    	if n.children == nil { n.children = map[string]*node{} }
    	if n.children[name] == nil { n.children[name] = &node{} }
    	return n.children[name]
    }

    func write(w *tar.Writer, n *node, name string) {
    	h := &tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0755}
    	if n.info != nil {
    		link := ""
    		if n.info.Mode()&os.ModeSymlink != 0 {
    			var err error
    			link, err = os.Readlink(n.source)
    			check(err)
    		}
    		var err error
    		h, err = tar.FileInfoHeader(n.info, link)
    		check(err)
    		h.Name = name
    		if link != "" { h.Mode = 0777 }
    	}
    	h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "root", "root"
    	if n.options != nil {
    		for _, p := range n.options.Perms {
    			if regexp.MustCompile(p.Regex).MatchString(n.source) {
    				h.Uid, h.Gid = p.Uid, p.Gid
    				if p.Uname != "" { h.Uname = p.Uname }
    				if p.Gname != "" { h.Gname = p.Gname }
    				if p.Mode != "" { fmt.Sscanf(p.Mode, "%o", &h.Mode) }
    			}
    		}
    	}
    	h.ModTime = time.Unix(1, 0)
    	check(w.WriteHeader(h))
    	if h.Typeflag == tar.TypeReg {
    		file, err := os.Open(n.source)
    		check(err)
    		_, err = io.Copy(w, file)
    		check(err)
    		file.Close()
    	}
    	names := []string{}
    	for name := range n.children { names = append(names, name) }
    	sort.Strings(names)
    	for _, child := range names { write(w, n.children[child], filepath.Join(name, child)) }
    }

    func main() {
    	var paths []Path
    	check(json.NewDecoder(os.Stdin).Decode(&paths))
    	root := &node{}
    	for _, p := range paths {
    		options := p.Options
    		check(filepath.Walk(p.Path, func(path string, info os.FileInfo, err error) error {
    			check(err)
    			target := path
    			if options != nil && options.Rewrite.Regex != "" {
    				target = regexp.MustCompile(options.Rewrite.Regex).ReplaceAllString(path, options.Rewrite.Repl)
    			}
    			if target == "" { return nil }
    			n := root
    			for _, part := range strings.Split(strings.Trim(target, "/"), "/") { n = n.child(part) }
    			n.source, n.info, n.options = path, info, options
    			return nil
    		}))
    	}
    	sum := sha256.New()
    	w := tar.NewWriter(sum)
    	write(w, root, "/")
    	check(w.Close())
    	fmt.Printf("sha256:%x", sum.Sum(nil))
    }
    """#

  private func oracle(in directory: FilePath) async throws -> FilePath {
    try FileSystem.replace(directory.appending("oracle.go"), with: Array(Self.oracle.utf8))
    let environment = ["GOCACHE": directory.appending("cache").string, "GO111MODULE": "off"]
    let built = try await Tool.result(
      of: "go", ["build", "-o", "oracle", "oracle.go"], in: directory, environment: environment)
    #expect(built.status == 0, "\(built.errors)")
    return directory.appending("oracle")
  }

  private func image(_ paths: String, digest: String, size: Int64 = 0) -> [UInt8] {
    Array(
      """
      {"version":1,"image-config":{"entrypoint":["/bin/run"],"Env":["A=b"]},"arch":"arm64","created":"0001-01-01T00:00:00Z",
       "layers":[{"digest":"\(digest)","size":\(size),"diff_ids":"\(digest)","paths":\(paths),
                  "mediatype":"application/vnd.oci.image.layer.v1.tar","History":{"created_by":"nix2container"}},
                 {"digest":"\(digest)","size":\(size),"diff_ids":"\(digest)","paths":\(paths),
                  "mediatype":"application/vnd.oci.image.layer.v1.tar","History":{"created_by":"nix2container"}}]}
      """.utf8)
  }

  @Test(.enabled(if: Tool.areInstalled("go"))) func itsLayersAreProducedToTheByte() async throws {
    try await withTemporaryDirectory { directory in
      let oracle = try await oracle(in: directory)
      let store = try await FakeStore(in: directory, seed: 11)
      let (app, library, root) = (store.application.string, store.library.string, store.root.string)
      let cases = [
        #"[{"path":"\#(app)"},{"path":"\#(library)"}]"#,
        #"[{"path":"\#(root)","options":{"rewrite":{"regex":"^\#(root)","repl":""}}},{"path":"\#(app)"}]"#,
        #"[{"path":"\#(root)","options":{"rewrite":{"regex":"^\#(root)","repl":"/opt/root"}}}]"#,
        #"""
        [{"path":"\#(root)","options":{"rewrite":{"regex":"^\#(root)","repl":""},
          "perms":[{"regex":".*","mode":"0755"},{"regex":"/etc/.*","mode":"0640","uid":1000,"gid":100,"uname":"app","gname":"app"},{"regex":"run$","uid":5}]}}]
        """#,
        #"[{"path":"\#(root)"},{"path":"\#(root)"}]"#,
      ]
      for paths in cases {
        try FileSystem.replace(directory.appending("paths.json"), with: Array(paths.utf8))
        let digest = try await Tool.run("sh", ["-c", "\(oracle) < paths.json"], in: directory)
        let read = try AssembledImage(description: image(paths, digest: digest), name: "image.json", in: directory)
        let made = try await read.layers[0].content.recipe.digests(encoding: .none)
        #expect("\(made.digest)" == digest, "\(paths)")
      }
    }
  }

  @Test func anImageOfItIsPushedAsItIsOrCompressed() async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      let recipe = LayerRecipe([.init(store.application), .init(store.library)], metadata: .nix2container)
      let digests = try await recipe.digests(encoding: .none)
      let paths = #"[{"path":"\#(store.library)"},{"path":"\#(store.application)","options":null}]"#
      let image = try AssembledImage(
        description: image(paths, digest: "\(digests.digest)", size: digests.size), name: "image.json", in: directory)
      #expect(image.layers.count == 1)
      #expect(image.configuration.platform.description == "linux/arm64")
      #expect(image.configuration.created == "0001-01-01T00:00:00Z")
      #expect(image.configuration.runtime.entrypoint == ["/bin/run"])
      #expect(image.configuration.history.map(\.createdBy) == ["nix2container"])
      let memory = MemoryStore()
      try await image.push(to: memory, tags: ["plain"])
      #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: memory) == [])
      let compressed = try await image.encoded(as: .gzip())
      try await compressed.push(to: memory, tags: ["gzip"])
      #expect(compressed.configurationBytes == image.configurationBytes)
      #expect(compressed.layers[0].descriptor.mediaType == .layerTarGzip)
      #expect(try await ImageSpecCheck.violations(of: compressed.descriptor, in: memory) == [])
      // What our own description says of it, it says again.
      let text = try compressed.description(in: directory).prettyText
      #expect(
        try AssembledImage(description: Array(text.utf8), name: "own", in: directory).manifestBytes
          == compressed.manifestBytes)
    }
  }

  @Test func layersOfABaseWithoutSizesAreTakenAsTheyAre() async throws {
    try await withTemporaryDirectory { directory in
      let bytes = try await LayerRecipe([], entries: [.init("/a", .file([1]))]).source(encoding: .gzip()).open()
        .collect(upTo: 1 << 20)
      let file = directory.appending("layer")
      try FileSystem.replace(file, with: bytes)
      let diffID = try await Archive(file: file).diffID().digest
      let text = """
        {"version":1,"image-config":{},"arch":"amd64","layers":[{"digest":"\(Digest.of(bytes))","diff_ids":"\(diffID)",
         "layer-path":"\(file)","mediatype":"application/vnd.docker.image.rootfs.diff.tar.gzip","History":{}}]}
        """
      let image = try AssembledImage(description: Array(text.utf8), name: "image.json", in: directory)
      #expect(image.layers[0].descriptor.size == Int64(bytes.count))
      let memory = MemoryStore()
      try await image.push(to: memory, tags: ["a"])
      #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: memory) == [])
      let layers = directory.appending("layers.json")
      try FileSystem.replace(layers, with: Array("[]".utf8))
      #expect(try AssembledImage.nix2containerLayers(file: layers) == [])
    }
  }

  @Test(
    arguments: [
      #"{"path":"/a","options":{"rewrite":{"regex":"(a|b)","repl":"$1"}}}"#,
      #"{"path":"/a","options":{"ensureDirs":["/x"]}}"#,
      #"{"tar":"/a.tar"}"#, #"{"path":"/a","options":{"perms":[{"regex":"(","mode":"0755"}]}}"#,
      #"{"path":"/a","options":{"perms":[{"regex":".","mode":"rwx"}]}}"#,
    ])
  func whatItsLayersCannotBeMadeFromForCertainIsRefused(path: String) throws {
    #expect(throws: AssemblyError.self) {
      try AssembledImage(description: image("[\(path)]", digest: "\(Digest.of([]))"), name: "image.json", in: "")
    }
  }

  @Test func emptyAndOtherVersions() throws {
    let empty = Array(#"{"version":1,"image-config":{},"layers":null,"arch":""}"#.utf8)
    #expect(try AssembledImage(description: empty, name: "i", in: "").layers == [])
    let other = Array(#"{"version":2,"image-config":{},"layers":null}"#.utf8)
    #expect(throws: AssemblyError.self) { try AssembledImage(description: other, name: "i", in: "") }
  }
}

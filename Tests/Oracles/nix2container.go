// nix2container's rules as its documentation and its users know them, written apart from what they check: the order of store paths
// by popularity ('order', of a closure), and the digest of a layer ('digest', of its paths). Both read standard input.
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

type Node struct { Path string; References []string }

// The number of chains of references that end at a path, highest first; ties go to the path that was met last.
func order() {
	var nodes []Node
	check(json.NewDecoder(os.Stdin).Decode(&nodes))
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].Path < nodes[j].Path })
	met := map[string]int{}
	references := map[string][]string{}
	meet := func(path string) {
		if _, known := met[path]; !known { met[path] = len(met) }
	}
	for _, n := range nodes {
		sort.Strings(n.References)
		meet(n.Path)
		for _, r := range n.References {
			if r == n.Path { continue }
			meet(r)
			references[n.Path] = append(references[n.Path], r)
		}
	}
	popularity := map[string]int{}
	var walk func(string)
	walk = func(path string) {
		popularity[path]++
		for _, r := range references[path] { walk(r) }
	}
	for _, n := range nodes { walk(n.Path) }
	sort.SliceStable(nodes, func(i, j int) bool {
		a, b := nodes[i].Path, nodes[j].Path
		if popularity[a] != popularity[b] { return popularity[a] > popularity[b] }
		return met[a] > met[b]
	})
	for _, n := range nodes { fmt.Println(n.Path) }
}

func main() {
	if os.Args[1] == "order" { order() } else { digest() }
}

func digest() {
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

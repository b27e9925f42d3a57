// The same job as DocumentBenchmark with Go's encoding/json and structs like those of the image-spec, which other tools use:
// read, check, write. Unknown members are lost and letter case is not looked at, as there.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

type Platform struct {
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	OSVersion    string   `json:"os.version,omitempty"`
	OSFeatures   []string `json:"os.features,omitempty"`
	Variant      string   `json:"variant,omitempty"`
}

type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	Platform     *Platform         `json:"platform,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
}

type Index struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Manifests     []Descriptor      `json:"manifests"`
	Subject       *Descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type Runtime struct {
	User         string              `json:"User,omitempty"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"`
	Env          []string            `json:"Env,omitempty"`
	Entrypoint   []string            `json:"Entrypoint,omitempty"`
	Cmd          []string            `json:"Cmd,omitempty"`
	Volumes      map[string]struct{} `json:"Volumes,omitempty"`
	WorkingDir   string              `json:"WorkingDir,omitempty"`
	Labels       map[string]string   `json:"Labels,omitempty"`
	StopSignal   string              `json:"StopSignal,omitempty"`
	ArgsEscaped  bool                `json:"ArgsEscaped,omitempty"`
}

type History struct {
	Created    *time.Time `json:"created,omitempty"`
	CreatedBy  string     `json:"created_by,omitempty"`
	Author     string     `json:"author,omitempty"`
	Comment    string     `json:"comment,omitempty"`
	EmptyLayer bool       `json:"empty_layer,omitempty"`
}

type RootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type Config struct {
	Created *time.Time `json:"created,omitempty"`
	Author  string     `json:"author,omitempty"`
	Platform
	Config  Runtime   `json:"config,omitempty"`
	RootFS  RootFS    `json:"rootfs"`
	History []History `json:"history,omitempty"`
}

func isDigest(text string) bool {
	if len(text) != 71 || text[:7] != "sha256:" {
		return false
	}
	for _, c := range []byte(text[7:]) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

func isMediaType(text string) bool {
	slash := strings.IndexByte(text, '/')
	return slash > 0 && slash < 127 && len(text)-slash-1 > 0 && len(text)-slash-1 < 128 && strings.IndexByte(text[slash+1:], '/') < 0
}

func fail(what any) {
	fmt.Println(what)
	os.Exit(1)
}

func (index *Index) validate() {
	for _, d := range index.Manifests {
		if !isDigest(d.Digest) || !isMediaType(d.MediaType) || d.Size < 0 ||
			d.Platform == nil || d.Platform.OS == "" || d.Platform.Architecture == "" {
			fail(d)
		}
	}
}

func (config *Config) validate() {
	if config.OS == "" || config.Architecture == "" || config.RootFS.Type != "layers" {
		fail(config.Platform)
	}
	for _, d := range config.RootFS.DiffIDs {
		if !isDigest(d) {
			fail(d)
		}
	}
	filled := 0
	for _, h := range config.History {
		if !h.EmptyLayer {
			filled++
		}
	}
	if filled != len(config.RootFS.DiffIDs) {
		fail(filled)
	}
}

func run(kind string, text []byte) int {
	var value any
	if kind == "index" {
		index := &Index{}
		if err := json.Unmarshal(text, index); err != nil {
			fail(err)
		}
		index.validate()
		value = index
	} else {
		config := &Config{}
		if err := json.Unmarshal(text, config); err != nil {
			fail(err)
		}
		config.validate()
		value = config
	}
	output, err := json.Marshal(value)
	if err != nil {
		fail(err)
	}
	return len(output)
}

func main() {
	if len(os.Args) != 4 {
		fail("usage: documents (index|config) FILE REPETITIONS")
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		fail(err)
	}
	repetitions, err := strconv.Atoi(os.Args[3])
	if err != nil {
		fail(err)
	}
	length := 0
	for i := 0; i < repetitions; i++ {
		length = run(os.Args[1], text)
	}
	fmt.Println(repetitions, "times", length, "bytes")
}

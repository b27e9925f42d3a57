import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

/// `dir:DIR`, wherever a verb takes a place.
struct DirectoryCommandTests {
  @Test func imagesGoIntoDirectoriesAndOutOfThem() async throws {
    try await withFixture { fixture in
      let digest = try await fixture.build("server", "--to", "dir:image", "--description", "image.json")
      #expect(try await ImageDirectory(fixture.directory.appending("image")).image()?.digest.description == digest)
      // The same from the description, beside other places, and to one place after another.
      let pushed = try await fixture.flywheel("push", "image.json", "--quiet", "--to", "dir:b", "oci:layout:1")
      #expect(pushed == digest)
      for (source, destination) in [
        ("oci:layout:1", "dir:c"), ("dir:c", "oci-archive:a.tar:1"), ("oci-archive:a.tar", "dir:d:x"),
        ("dir:d:x@\(digest)", "dir:e"),
      ] {
        let line = try await fixture.flywheel("copy", "--quiet", source, destination)
        #expect(line.hasPrefix(digest), "\(source) to \(destination)")
      }
      let tree = try await TreeSnapshot(of: fixture.directory.appending("image"))
      for name in ["b", "c", "d:x", "e"] {
        #expect(try await TreeSnapshot(of: fixture.directory.appending(name)).difference(from: tree) == [])
      }
      #expect(try await fixture.flywheel("inspect", "dir:image", "--json").contains(digest))
      #expect(try await fixture.flywheel("diff", "dir:image", "oci:layout:1").contains("+") == false)
      _ = try await fixture.flywheel("export", "dir:image", "e.tar", "--name", "team/app:1", "--quiet")
      let plan = try await fixture.flywheel("push", "image.json", "--quiet", "--dry-run", "--to", "dir:image")
      #expect(plan.contains("dir:image"))
      // The wrong digest, no directory, and what has no place there.
      let other = Digest.of([1])
      _ = try await fixture.flywheel("copy", "--quiet", "dir:e@\(other)", "dir:f", status: 80)
      _ = try await fixture.flywheel("copy", "--quiet", "dir:none", "dir:f", status: 80)
      _ = try await fixture.flywheel("copy", "--quiet", "--referrers", "dir:e", "dir:f", status: 78)
      _ = try await fixture.flywheel("copy", "--quiet", "dir:e", "dir:store", status: 73)
      #expect(!FileManager.default.fileExists(atPath: fixture.directory.appending("f").string))
    }
  }

  @Test func anImageIsBuiltOnADirectoryAndRebasedOntoAnother() async throws {
    try await withFixture { fixture in
      try await fixture.makeBase()
      _ = try await fixture.flywheel("copy", "--quiet", "oci:base-layout:1", "dir:base-dir")
      let onLayout = try await fixture.build("server", "--base", "oci:base-layout:1", "--to", "oci:a:1")
      _ = try await fixture.build("server", "--base", "dir:base-dir", "--to", "dir:b")
      let (manifest, _) = try await fixture.image("a", "1")
      let store = ImageDirectory(fixture.directory.appending("b"))
      let root = try #require(try await store.image())
      let built = try await Document<ImageManifest>(fetching: root, from: store).value
      #expect(built.layers.map(\.digest) == manifest.layers.map(\.digest))
      #expect(built.annotations[AnnotationKey.baseName] == "dir:base-dir")
      #expect(onLayout != root.digest.description)
      _ = try await fixture.flywheel("lock", "--quiet", "dir:base-dir")
      _ = try await fixture.build("server", "--base", "dir:base-dir", "--lock-file", "flywheel.lock", "--to", "dir:b")
      _ = try await fixture.flywheel(
        "rebase", "dir:b", "--quiet", "--base", "oci:base-layout:1", "--to", "dir:c")
      #expect(try await ImageDirectory(fixture.directory.appending("c")).image() != nil)
    }
  }

  @Test func theRawManifestIsItsBytesAndNothingElse() async throws {
    try await withFixture { fixture in
      let digest = try await fixture.build(
        "server", "--to", "dir:image", "oci:layout:1", "oci-archive:a.tar:1", "--description", "image.json")
      let index = try await fixture.multiPlatformIndex(of: "layout", "1", as: "multi")
      for (name, expected) in [
        ("dir:image", digest), ("oci:layout:1", digest), ("oci-archive:a.tar", digest), ("image.json", digest),
        ("oci:layout:multi", index),
      ] {
        let result = try await Tool.result(
          of: AcceptanceFixture.program, ["inspect", "--raw", name], in: fixture.directory)
        #expect(result.status == 0, "\(result.errors)")
        #expect(Digest.of(Array(result.output.utf8)).description == expected, "\(name)")
        #expect(result.errors == "")
      }
      let one = try await fixture.flywheel("inspect", "--raw", "oci:layout:multi", "--platform", "linux/amd64")
      #expect(Digest.of(Array(one.utf8)).description == digest)
      _ = try await fixture.flywheel("inspect", "--raw", "--json", "dir:image", status: 64)
    }
  }
}

extension AcceptanceFixture {
  /// Enters an index of one image into a layout.
  fileprivate func multiPlatformIndex(of name: String, _ tag: String, as newTag: String) async throws -> String {
    let layout = ImageLayoutStore(directory.appending(name))
    var manifest = try #require(try await layout.resolve(tag))
    manifest.platform = Platform(architecture: "amd64")
    let bytes = ImageIndex(manifests: [manifest]).canonicalBytes
    let root = Descriptor(mediaType: .imageIndex, describing: bytes)
    try await layout.publish(root, bytes: bytes, tags: [newTag])
    return root.digest.description
  }
}

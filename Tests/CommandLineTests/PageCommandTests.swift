import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// The pages that verbs write, for every kind of image and place.
struct PageCommandTests {
  @Test func everyKindOfImageGivesItsPage() async throws {
    try await withFixture { fixture in
      try await withTestRegistry { registry in
        let place = "docker://\(registry.server.address)/team/attic:1"
        let digest = try await fixture.build(
          "server", "--description", "image.json", "--to", place, "--to", "oci:out:1", "--to", "dir:plain", "--to",
          "oci-archive:out.tar:1")
        for image in ["image.json", place, "oci:out:1", "dir:plain", "oci-archive:out.tar:1"] {
          let text = try await fixture.flywheel("inspect", image, "--html", "page.html")
          let page = try fixture.text("page.html")
          #expect(text.contains(digest) && page.contains(digest) && page.hasSuffix("</html>\n"), "\(image)")
          #expect(page.contains("<h1>\(image)</h1>") && page.contains("libc.so.6"), "\(image)")
          // What a layer is made of, the description knows, and else the history.
          #expect(page.contains("aaaa-glibc-2.38" + (image == "image.json" ? "<div" : "</div>")), "\(image)")
        }
        let printed = try await fixture.flywheel("inspect", "image.json", "--html", "-")
        _ = try await fixture.flywheel("inspect", "image.json", "--html", "page.html")
        #expect(try fixture.text("page.html") == printed + "\n")
      }
    }
  }

  @Test func aPageTellsWhatChangedAgainstAnotherImage() async throws {
    try await withFixture { fixture in
      try await fixture.makeBase("--env", "V=1")
      _ = try await fixture.flywheel(
        "build", "--base", "oci:base-layout:1", "--file", "/app=closure.json", "--quiet", "--description", "app.json")
      _ = try await fixture.flywheel("inspect", "app.json", "--html", "page.html", "--against", "oci:base-layout:1")
      let page = try fixture.text("page.html")
      #expect(page.contains("Against oci:base-layout:1: 1 added, 0 removed, 0 changed"))
      #expect(page.contains("1 of 1 and 2 layers are in both"))
      #expect(page.contains("<span class=\"badge\">base</span> <span class=\"badge\">in both</span>"))
    }
  }

  @Test(arguments: [
    ["--against", "oci:out:1"], ["--html", "p.html", "--raw"], ["--html", "p.html", "--files"],
    ["--html", "-", "--json"],
  ])
  func optionsThatDoNotGoTogetherAreRefused(options: [String]) async throws {
    try await withFixture { fixture in
      _ = try await fixture.flywheel(["inspect", "oci:out:1"] + options, status: 64)
      #expect(try await fixture.flywheel("inspect", "oci:absent:1", "--html", "p.html", status: 80) == "")
    }
  }

  @Test func aPlanIsPrintedAsAPage() async throws {
    try await withFixture { fixture in
      let plan = ["plan", "--closure", "closure.json", "--max-layers", "3", "--html"]
      let printed = try await fixture.flywheel(plan + ["-"])
      #expect(try await fixture.flywheel(plan + ["plan.html"]).contains("layer 1"))
      #expect(try fixture.text("plan.html") == printed + "\n")
      _ = try await fixture.flywheel(plan + ["-", "--json"], status: 64)
    }
  }
}

import OCICore
import OCITesting
import Tarball
import Testing

@testable import ImageAssembly

/// What an image's page says. How it looks and what it does is for a browser: `PageBrowserTests`.
struct ImagePageTests {
  @Test func aPageTellsWhatAnImageIs() throws {
    var runtime = RuntimeConfiguration()
    runtime.environment = ["A=1"]
    runtime.entrypoint = ["/bin/app", "two words"]
    let image = try PageSample.image(
      "docker://ghcr.io/team/app:1",
      [
        [PageSample.file("bin/app", 3000), PageSample.file("etc/conf", 10)],
        [PageSample.file("etc/conf", 12, "new"), PageSample.file("bin/.wh.app", 0)],
      ], runtime: runtime)
    let page = ImagePage(image).html
    for part in [
      "<h1>docker://ghcr.io/team/app:1</h1>", image.digest.description, "linux/amd64", "A=1",
      "/bin/app &#39;two words&#39;",
      "in 2 layers", "1 deletion", "in 1 file<", "2 files with 2.9 KiB are pulled and never seen", "<td>deleted</td>",
      "<td>other content</td>",
    ] { #expect(page.contains(part), "\(part)") }
    #expect(!page.contains("Changes"))
  }

  @Test func theSameImageGivesTheSamePage() throws {
    let (image, other) = (try PageSample.largeImage(files: 500), try PageSample.hostileImage())
    #expect(ImagePage(image, against: other).html == ImagePage(image, against: other).html)
  }

  @Test func aPageAllowsNothingButItsOwnStyleAndScript() throws {
    let page = ImagePage(try PageSample.hostileImage(), against: try PageSample.earlierImage()).html
    let policy = try #require(
      page.split(separator: "Content-Security-Policy\" content=\"").last?.split(separator: "\"").first)
    let rules = policy.split(separator: "; ").map { $0.split(separator: " ").map(String.init) }
    #expect(rules.map { $0.first } == ["default-src", "style-src", "script-src", "base-uri", "form-action"])
    #expect(rules.filter { $0.first != "style-src" && $0.first != "script-src" }.allSatisfy { $0.last == "'none'" })
    for rule in rules where rule[0].hasSuffix("style-src") || rule[0] == "script-src" {
      #expect(rule.count == 2 && rule[1].hasPrefix("'sha256-") && rule[1].hasSuffix("='"))
    }
    for address in ["src=\"", "href=\"http", "url(", "@import", "//fonts"] {
      #expect(!page.contains(address), "\(address)")
    }
  }

  @Test func nothingThatAnImageSaysIsMarkup() throws {
    let page = ImagePage(try PageSample.hostileImage(), against: try PageSample.earlierImage()).html
    #expect(page.components("<script") == 2)
    #expect(page.components("</script") == 2)
    for part in ["<img", "<b>b", "gone<b>", "\u{202E}", "\u{1B}", "\0"] { #expect(!page.contains(part), "\(part)") }
    for part in [#"\u{202e}"#, #"\x1b[31m"#, #"bytes \\xff\\n\\x1b\"é"#] { #expect(page.contains(part), "\(part)") }
  }

  @Test func whatChangedAgainstAnotherImageIsTold() throws {
    let page = ImagePage(try PageSample.hostileImage(), against: try PageSample.earlierImage())
    let changes = try #require(page.changes).body
    #expect(changes.contains("1 removed, 1 changed"))
    #expect(changes.contains("0 of 1 and 2 layers are in both"))
    #expect(changes.contains("mode 700 → 755, content"))
    #expect(changes.contains("config.Env"))
    #expect(changes.contains("was in layer 1"))
    // Of itself, nothing.
    let same = try #require(ImagePage(try PageSample.hostileImage(), against: try PageSample.hostileImage()).changes)
      .body
    #expect(same.contains("0 added, 0 removed, 0 changed, 0 settings differ") && same.contains("2 of 2 and 2 layers"))
  }

  @Test func namesOfOneFileAreCountedOnce() throws {
    var link = PageSample.file("b", 0, kind: .hardLink)
    link.linkTarget = Array("a".utf8)
    let image = try PageSample.image("x", [[PageSample.file("a", 4096), link]])
    let page = ImagePage(image)
    #expect(page.tree.bytes == 4096)
    #expect(page.html.contains("<td>hard link</td>"))
  }

  @Test(arguments: [
    ("plain name", "plain name"), ("é ü 漢", "é ü 漢"), ("a\nb\tc\rd", #"a\nb\tc\rd"#), ("\u{7F}\u{1}", #"\x7f\x01"#),
    ("a\u{200B}\u{202E}b", #"a\u{200b}\u{202e}b"#), ("", ""),
  ])
  func whatCannotBeSeenIsMadeVisible(text: String, shown: String) {
    #expect(PageText.visible(text) == shown)
    #expect(PageText.visible(Array(text.utf8)) == shown)
  }

  @Test func bytesThatAreNoTextAreShownOneByOne() {
    #expect(PageText.visible([0x61, 0xFF, 0xC3, 0xA9, 0xC3]) == #"a\xffé\xc3"#)
    #expect(PageText.visible([0xED, 0xA0, 0x80]) == #"\xed\xa0\x80"#)
  }

  @Test(arguments: [0.4, 1, 3, 7, 1023, 1024, 5e6, 9.9e9, 9.3e18]) func axesAreDividedAtRoundNumbers(highest: Double) {
    let axis = Axis(highest: highest)
    #expect(axis.top >= highest && (2...6).contains(axis.ticks.count))
    #expect(axis.ticks.first?.value == 0 && axis.ticks.last?.value == axis.top)
    #expect(Set(axis.ticks.map(\.label)).count == axis.ticks.count)
  }

  @Test(arguments: [2, 3, 7, 10, 99, 1000]) func updatesAreNumberedFromTheFirst(count: Int) {
    let numbers = Axis.numbers(count)
    #expect(numbers.first == 1 && numbers == numbers.sorted() && (2...9).contains(numbers.count))
    #expect(numbers.allSatisfy { (1...count).contains($0) })
  }
}

extension String {
  /// How often a text is in it.
  fileprivate func components(_ text: String) -> Int {
    split(separator: text, omittingEmptySubsequences: false).count - 1
  }
}

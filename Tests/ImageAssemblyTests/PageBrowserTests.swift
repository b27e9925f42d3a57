import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import ImageAssembly

/// The pages in a browser, as readers have them: light and dark, with the keyboard, with many files, without scripts.
@Suite(.enabled(if: Chromium.isInstalled), .serialized, .timeLimit(.minutes(2)))
struct PageBrowserTests {
  @Test func anImagesPageIsLegibleAndQuiet() async throws {
    let html = ImagePage(try PageSample.hostileImage(), against: try PageSample.earlierImage()).html
    try await withPage(html) { page in
      for scheme in ["light", "dark"] {
        try await page.prefer(scheme)
        try await expectLegible(page, scheme, atLeast: 100)
      }
      #expect(try await page.evaluate("window.hacked === undefined && document.images.length === 0").boolValue == true)
      #expect(try await page.text("document.querySelector('h1').textContent").hasPrefix("</script><script>"))
      try await expectQuiet(page)
    }
  }

  @Test func thePagesOfPlansAreLegibleAndQuiet() async throws {
    try await withPage(try PageSample.plan(paths: 40, updates: 24).html) { page in
      for scheme in ["light", "dark"] {
        try await page.prefer(scheme)
        try await expectLegible(page, scheme, atLeast: 100)
      }
      #expect(try await page.number("document.querySelectorAll('.chart').length") == 2)
      let text = "[...document.querySelectorAll('.chart text')].map((each) => each.textContent).join(' ')"
      #expect(try await page.text(text).contains("2023-12-"))
      try await tabTo(".tile", in: page)
      let layer = try await focused(page)
      #expect(layer.hasPrefix("layer "))
      try await page.press("Enter")
      #expect(try await focused(page).contains("changes with"))
      try await page.press("Backspace")
      #expect(try await focused(page) == layer)
      try await expectQuiet(page)
    }
  }

  @Test func aTreemapIsUsedWithTheKeyboardAlone() async throws {
    try await withPage(ImagePage(try PageSample.hostileImage()).html) { page in
      try await tabTo(".tile", in: page)
      #expect(try await page.text("getComputedStyle(document.activeElement).outlineStyle") == "solid")
      let start = try await focused(page)
      #expect(start.hasPrefix("/usr: "))
      try await page.press("Enter")
      #expect(try await page.text("document.querySelector('.trail').textContent") == "/usr")
      let first = try await focused(page)
      var seen: Set<String> = [first]
      for key in ["ArrowRight", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"] {
        try await page.press(key)
        seen.insert(try await focused(page))
      }
      #expect(seen.count >= 3 && seen.allSatisfy { $0.hasPrefix("/usr/") })
      try await page.press("Home")
      #expect(try await focused(page) == first)
      // Into a directory of that directory, and out to where one was.
      _ = try await page.evaluate("\(Self.tile)('/usr/lib: ').focus()")
      try await page.press(" ")
      #expect(try await focused(page).hasPrefix("/usr/lib/"))
      try await page.press("Escape")
      #expect(try await focused(page).hasPrefix("/usr/lib: "))
      try await page.press("Backspace")
      #expect(try await focused(page) == start)
      // One stop of the tab key, however many areas there are.
      #expect(try await page.number("document.querySelectorAll('.tiles [tabindex=\"0\"]').length") == 1)
      try await expectQuiet(page)
    }
  }

  @Test func tablesSortAndFilter() async throws {
    try await withPage(ImagePage(try PageSample.hostileImage()).html) { page in
      let firstCell = "document.querySelector('#file-table tbody td').textContent"
      let sort = "[...document.querySelectorAll('#file-table th')].map((each) => each.ariaSort).join()"
      #expect(try await page.text(firstCell) == "/usr/bin/tool")
      #expect(try await page.text(sort) == "none,descending,none,none,none,none")
      try await tabTo("#file-table th button", in: page)
      try await page.press("Enter")
      #expect(try await page.text(firstCell) == "/etc/same.conf")
      #expect(try await page.text(sort) == "ascending,none,none,none,none,none")
      try await page.press("Enter")
      #expect(try await page.text(sort) == "descending,none,none,none,none,none")
      #expect(try await page.text(firstCell).hasPrefix("/usr/owned"))
      // Down the rows.
      _ = try await page.evaluate("document.querySelector('#file-table tbody tr').focus()")
      try await page.press("ArrowDown")
      #expect(try await page.number("document.activeElement.rowIndex") == 2)
      try await page.press("End")
      #expect(try await page.text("document.activeElement.cells[0].textContent") == "/etc/same.conf")
      _ = try await page.evaluate("document.querySelector('input[aria-controls=file-table]').focus()")
      try await page.type("LIB .so")
      #expect(try await page.number("document.querySelectorAll('#file-table tbody tr').length") == 2)
      let status = try await page.text("document.querySelector('[role=status]').textContent")
      #expect(status == "2 files of 10, 483.4 KiB")
      try await expectQuiet(page)
    }
  }

  @Test func twentyThousandFilesStayFluid() async throws {
    let html = ImagePage(try PageSample.largeImage(files: 20_000)).html
    try await withPage(html) { page in
      let names = ["before", "zoom", "group", "filter", "sort", "turn"]
      var last = try await page.metrics()
      for name in names {
        switch name {
        case "zoom":
          try await tabTo(".tile", in: page)
          _ = try await page.evaluate("\(Self.tile)('/usr: ').focus()")
          for _ in 0..<3 { try await page.press("Enter") }
          #expect(try await page.text("document.querySelector('.trail').textContent") == "/usrshareflat")
        case "group":
          // What is too small to be drawn alone.
          _ = try await page.evaluate("\(Self.tile)(' entries of flat, ').focus()")
          try await page.press("Enter")
          #expect(try await focused(page).hasPrefix("/usr/share/flat/"))
          #expect(try await page.text("document.querySelector('.trail').textContent").contains("flatentries "))
        case "filter":
          _ = try await page.evaluate("document.querySelector('input[aria-controls=file-table]').focus()")
          try await page.type("file-12")
        case "sort": _ = try await page.evaluate("document.querySelector('#file-table th button').click()")
        case "turn": _ = try await page.evaluate("document.querySelectorAll('.tools button')[1].click()")
        default: break
        }
        try await page.settle()
        let now = try await page.metrics()
        // What the document holds does not grow with the image, and each step draws it a few times at most.
        #expect(try await page.number("document.querySelectorAll('*').length") < 6000, "\(name)")
        #expect(try await page.number("document.querySelectorAll('.tile').length") <= 1200, "\(name)")
        #expect(try await page.number("document.querySelectorAll('#file-table tbody tr').length") <= 100, "\(name)")
        let layouts = (now["LayoutCount"] ?? 0) - (last["LayoutCount"] ?? 0)
        #expect(layouts <= 40, "\(name)")
        last = now
      }
      let status = try await page.text("document.querySelector('[role=status]').textContent")
      #expect(status.hasPrefix("1,111 files of 20,000, ") && status.hasSuffix("101 to 200 are shown"))
      try await expectQuiet(page)
    }
  }

  @Test func tablesAreThereWithoutScripts() async throws {
    try await withPage(ImagePage(try PageSample.hostileImage()).html, scripts: false) { page in
      let rows = try await page.number("document.querySelectorAll('#file-table tbody tr').length")
      #expect(rows == 10)
      #expect(try await page.number("document.querySelectorAll('button, input').length") == 0)
      #expect(try await page.text("document.body.innerText").contains("The treemap needs JavaScript"))
      #expect(try await page.evaluate("document.getElementById('map').checkVisibility()").boolValue == false)
    }
  }

  @Test func whatGotIntoAPageByMistakeIsNotRun() async throws {
    let intruder =
      "<script>window.hacked=1</script><p onclick=\"window.hacked=1\" id=\"intruder\">x</p><img src=\"https://localhost:1/x\">"
    let html = ImagePage(try PageSample.earlierImage()).html.replacing(
      "<main id=\"content\">", with: "<main id=\"content\">\(intruder)")
    try await withPage(html) { page in
      _ = try await page.evaluate("document.getElementById('intruder').click()")
      #expect(try await page.evaluate("window.hacked === undefined").boolValue == true)
      // The same that the other tests look at: a page that does wrong is seen.
      #expect(page.complaints().count >= 3, "\(page.complaints())")
      #expect(try await page.evaluate("document.querySelectorAll('.tile').length > 0").boolValue == true)
    }
  }

  @Test func numbersAreWrittenAlikeWithAndWithoutScripts() async throws {
    let sizes: [Int64] = [0, 1, 999, 1023, 1024, 1536, 1_048_525, 1_048_576, 5_767_168, 1 << 33, 3 << 42, 123_456_789]
    try await withPage(ImagePage(try PageSample.earlierImage()).html) { page in
      for size in sizes {
        let bytes = try await page.text("bytesText(\(size))")
        #expect(bytes == PageText.bytes(size))
        #expect(try await page.text("countText(\(size))") == PageText.count(Int(size)))
        #expect(try await page.text("percentText(\(size) / 7e9)") == PageText.percent(Double(size) / 7e9))
      }
    }
  }

  // MARK: What is looked at

  private func withPage(
    _ html: String, scripts: Bool = true, _ body: (Chromium) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("page.html")
      try FileSystem.replace(file, with: Array(html.utf8))
      try await Chromium.with { page in
        try await page.load(file.string, scripts: scripts)
        try await body(page)
      }
    }
  }

  /// It asked for nothing but itself, and complained about nothing.
  private func expectQuiet(_ page: Chromium) async throws {
    #expect(page.requests().allSatisfy { $0.hasPrefix("file://") && $0.hasSuffix("/page.html") }, "\(page.requests())")
    #expect(page.requests().count == 1)
    #expect(page.complaints() == [])
  }

  /// A function of the area whose sentence has a text in it.
  private static let tile =
    "((text) => [...document.querySelectorAll('.tiles > .tile')].find((each) => each.ariaLabel.includes(text)))"

  private func focused(_ page: Chromium) async throws -> String {
    try await page.text("document.activeElement.ariaLabel ?? document.activeElement.textContent")
  }

  private func tabTo(_ selector: String, in page: Chromium) async throws {
    for _ in 0..<60 {
      try await page.press("Tab")
      if try await page.evaluate("document.activeElement.matches('\(selector)')").boolValue == true { return }
    }
    Issue.record("the tab key does not lead to \(selector)")
  }

  /// Every text that is drawn has a contrast of at least 4.5 to what is behind it (WCAG 2.2 §1.4.3).
  private func expectLegible(_ page: Chromium, _ scheme: String, atLeast count: Int) async throws {
    let found = try await page.text(Self.contrast)
    let parts = found.split(separator: "|", maxSplits: 2).map(String.init)
    #expect(Double(parts[0]) ?? 0 >= 4.5, "\(scheme): \(found)")
    #expect(Int(parts[1]) ?? 0 >= count, "\(scheme): \(found)")
    // The scheme is really the one that was asked for.
    let background = try await page.text("getComputedStyle(document.body).backgroundColor")
    #expect(background == (scheme == "light" ? "rgb(255, 255, 255)" : "rgb(16, 22, 28)"))
  }

  /// The least contrast, the number of texts, and which text has the least.
  private static let contrast = #"""
    (() => {
      const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
      const luminance = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
      const colours = (text) => [...text.matchAll(/rgba?\(([^)]*)\)/g)].map((match) => match[1].split(",").map(Number));
      const behind = (element) => {
        for (let each = element; each; each = each.parentElement) {
          const style = getComputedStyle(each);
          const found = colours(style.backgroundImage + style.backgroundColor).filter((colour) => colour[3] !== 0);
          if (found.length > 0) return found;
        }
        return [[255, 255, 255]];
      };
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      let [least, count, which] = [Infinity, 0, ""];
      while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim();
        const element = walker.currentNode.parentElement;
        if (text === "" || element.closest("script, style, noscript") || !element.checkVisibility()) continue;
        const style = getComputedStyle(element);
        const [ink] = colours(element instanceof SVGElement ? style.fill : style.color);
        for (const ground of behind(element)) {
          const [dark, bright] = [luminance(ink), luminance(ground)].sort((a, b) => a - b);
          const ratio = (bright + 0.05) / (dark + 0.05);
          if (ratio < least) [least, which] = [ratio, `${element.tagName}.${element.getAttribute("class")} ${text.slice(0, 40)}`];
        }
        count += 1;
      }
      return `${least}|${count}|${which}`;
    })()
    """#
}

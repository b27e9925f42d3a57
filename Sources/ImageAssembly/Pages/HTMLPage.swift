internal import OCICore

/// The frame of the pages that people look at: one file that fetches nothing, and runs no script but its own.
///
/// Its policy names script and style by their digests, so that nothing that gets into the page by mistake is run either.
struct HTMLPage {
  /// Of the window.
  var title: String
  /// What is at the top of the page, as markup.
  var header: String
  /// The sections, in the order of the page.
  var sections: [Section]
  /// What made the page, as text.
  var footer: String
  /// What the scripts draw.
  var data: JSON
  /// The page's own script; those that all pages share come before it.
  var script: String

  /// A part with a heading, which the page's list of contents names.
  struct Section {
    /// By which links find it.
    var id: String
    /// The heading.
    var title: String
    /// What is below the heading, as markup.
    var body: String
  }

  /// The whole file.
  var html: String {
    let style = PageStyle.source
    let script = [PageScript.source, TableScript.source, TreeScript.source, TreemapScript.source, script].joined()
    let policy =
      "default-src 'none'; style-src '\(Self.hash(style))'; script-src '\(Self.hash(script))'; base-uri 'none'; form-action 'none'"
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(policy)">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="referrer" content="no-referrer">
      <title>\(PageText.escaped(title))</title>
      <style>\(style)</style>
      </head>
      <body>
      <a class="skip" href="#content">Skip to the content</a>
      <header>
      \(header)
      <nav aria-label="On this page"><ul>\(contents)</ul></nav>
      </header>
      <main id="content">
      \(sections.map(\.html).joined(separator: "\n"))
      </main>
      <footer><p>\(PageText.escaped(footer))</p></footer>
      <script type="application/json" id="data">\(Self.embedded(data))</script>
      <script>\(script)</script>
      </body>
      </html>

      """
  }

  private var contents: String {
    sections.map { "<li><a href=\"#\($0.id)\">\(PageText.escaped($0.title))</a></li>" }.joined()
  }

  /// A source of the policy (CSP 3 §2.3.1): the digest of what is between the tags, byte by byte.
  private static func hash(_ text: String) -> String {
    let hex = Array(Digest.of(Array(text.utf8)).hex.utf8)
    let bytes = stride(from: 0, to: hex.count - 1, by: 2).map { index in
      UInt8(String(decoding: hex[index...(index + 1)], as: UTF8.self), radix: 16) ?? 0
    }
    return "sha256-\(Base64.encode(bytes))"
  }

  /// JSON that no HTML parser can take for the end of the element that it is in, or for a comment.
  private static func embedded(_ json: JSON) -> String {
    var result: [UInt8] = []
    for byte in json.canonicalBytes {
      if byte == UInt8(ascii: "<") { result += Array(#"\u003c"#.utf8) } else { result.append(byte) }
    }
    return String(decoding: result, as: UTF8.self)
  }
}

extension HTMLPage.Section {
  fileprivate var html: String {
    """
    <section id="\(id)" aria-labelledby="\(id)-title">
    <h2 id="\(id)-title">\(PageText.escaped(title))</h2>
    \(body)
    </section>
    """
  }
}

extension HTMLPage {
  /// The place of a treemap, which a script draws.
  /// - Parameters:
  ///   - label: What it shows, for those who do not see it.
  ///   - note: How to read it, as text.
  static func treemap(label: String, note: String) -> String {
    """
    <p class="note">\(PageText.escaped(note))</p>
    <noscript><p class="note">The treemap needs JavaScript; the tables say the same.</p></noscript>
    <div class="map" id="map" hidden>
    <nav aria-label="Place in the treemap"><ol class="trail"></ol></nav>
    <div class="tools"></div>
    <div class="tiles" role="group" aria-label="\(PageText.escaped(label))" aria-describedby="map-keys"></div>
    <p class="where" aria-hidden="true">&nbsp;</p>
    <ul class="legend" aria-label="Colours"></ul>
    <p class="note keys" id="map-keys">Arrow keys move, Enter goes in, Escape or Backspace goes out.</p>
    </div>
    """
  }

  /// A table that can be scrolled sideways, also with the keyboard.
  /// - Parameters:
  ///   - id: By which a script finds it.
  ///   - columns: The headings, and whether what is below is a number.
  ///   - rows: A row's cells, as markup.
  ///   - count: How many rows there are, where a script shows more than these.
  static func table(
    id: String, caption: String, columns: [(title: String, isNumber: Bool)], rows: [[String]], of count: Int = 0
  ) -> String {
    let missing =
      count > rows.count
      ? "<noscript><p class=\"note\">These are \(PageText.count(rows.count)) of \(PageText.count(count)); with JavaScript all are here.</p></noscript>\n"
      : ""
    let head = columns.map {
      "<th scope=\"col\"\($0.isNumber ? " class=\"number\"" : "")>\(PageText.escaped($0.title))</th>"
    }
    let body = rows.map { cells in
      let marked = zip(cells, columns).map { "<td\($1.isNumber ? " class=\"number\"" : "")>\($0)</td>" }
      return "<tr>\(marked.joined())</tr>"
    }
    return missing + """
      <div class="scroll" id="\(id)" role="region" aria-label="\(PageText.escaped(caption))" tabindex="0">
      <table>
      <caption>\(PageText.escaped(caption))</caption>
      <thead><tr>\(head.joined())</tr></thead>
      <tbody>
      \(body.joined(separator: "\n"))
      </tbody>
      </table>
      </div>
      """
  }
}

internal import LayerGraph
internal import OCICore
internal import Tarball

extension ImagePage {
  /// How many rows a table has without a script; a script shows all, so many at a time.
  private static let staticRows = 100

  // MARK: Layers

  var layers: HTMLPage.Section {
    let total = image.manifest.layers.reduce(Int64(0)) { $0 + $1.size }
    let baseCount = image.description?.base?.descriptors.count ?? 0
    let shared = Set(other?.contents.layers.compactMap(\.diffID) ?? [])
    let makers = self.makers
    var hiddenBytes: [Int: Int64] = [:]
    for file in hidden { hiddenBytes[file.layer, default: 0] += file.size }
    let rows = zip(image.manifest.layers, image.contents.layers).enumerated().map { index, pair -> [String] in
      let (descriptor, content) = pair
      let files = content.listing.entries.filter { $0.kind == .file && !$0.isWhiteout }
      let deletions = content.listing.entries.count(where: \.isWhiteout)
      var badges: [String] = []
      if index < baseCount { badges.append("base") }
      if let diffID = content.diffID, shared.contains(diffID) { badges.append("in both") }
      if deletions > 0 { badges.append(PageText.count(deletions, "deletion")) }
      let hidden = hiddenBytes[index + 1] ?? 0
      return [
        String(index + 1), PageText.bytes(descriptor.size),
        Self.bar(descriptor.size, of: total), uncompressedSize(index, descriptor).map { PageText.bytes($0) } ?? "–",
        PageText.count(files.count), PageText.bytes(files.reduce(Int64(0)) { $0 + max(0, $1.size ?? 0) }),
        hidden == 0 ? "–" : PageText.bytes(hidden),
        (badges.map { "<span class=\"badge\">\($0)</span>" } + [maker(index - baseCount, makers?[index])])
          .joined(separator: " "),
        "<span class=\"code\">\(PageText.escaped(String(descriptor.digest.description.prefix(19))))</span>",
      ]
    }
    let columns = [
      ("layer", true), ("compressed", true), ("share", false), ("as tar", true), ("files", true), ("their bytes", true),
      ("hidden", true), ("made of", false), ("digest", false),
    ]
    return .init(
      id: "layers", title: "Layers",
      body: HTMLPage.table(id: "layer-table", caption: "From the bottom up", columns: columns, rows: rows))
  }

  private static func bar(_ part: Int64, of whole: Int64) -> String {
    let width = whole == 0 ? 0 : 100 * Double(part) / Double(whole)
    return
      "\(PageText.percent(part, of: whole))<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
      + "<rect class=\"all\" width=\"100\" height=\"10\"/><rect class=\"part\" width=\"\(PageText.number(width))\" height=\"10\"/></svg>"
  }

  private func uncompressedSize(_ index: Int, _ descriptor: Descriptor) -> Int64? {
    let baseCount = image.description?.base?.descriptors.count ?? 0
    if let layers = image.description?.layers, layers.indices.contains(index - baseCount) {
      return layers[index - baseCount].uncompressedSize
    }
    // One that is not compressed is as long as it is.
    return image.contents.layers[index].diffID == descriptor.digest ? descriptor.size : nil
  }

  /// What the history says of each layer; `nil` where it tells of another number of them.
  private var makers: [String]? {
    let steps = image.configuration.history.filter { !$0.emptyLayer }
    guard steps.count == image.manifest.layers.count else { return nil }
    return steps.map { step in
      let comment = step.comment.map { "<div class=\"note\">\(PageText.escaped($0))</div>" } ?? ""
      return PageText.escaped(step.createdBy ?? "") + comment
    }
  }

  /// What a layer is made of, as the description says, else who the history says made it; as markup.
  private func maker(_ own: Int, _ history: String?) -> String {
    guard let layers = image.description?.layers, layers.indices.contains(own) else {
      return history ?? ""
    }
    let content = layers[own].content
    var text = PageText.escaped(content.summary)
    if content.storePaths.count > 1 {
      let paths = content.storePaths.map { "<li class=\"code\">\(PageText.escaped($0))</li>" }
      text = "<details><summary>\(text)</summary><ul>\(paths.joined())</ul></details>"
    }
    if let reason = content.planned?.reason, !reason.isEmpty {
      text += "<div class=\"note\">\(PageText.escaped(reason))</div>"
    }
    return text
  }

  // MARK: Files

  var files: HTMLPage.Section {
    let note =
      "An area is as large as the files' bytes, as they are when the layers lie over each other. Click an area, or press Enter, to go into a directory."
    let columns = [
      ("path", false), ("size", true), ("layer", true), ("kind", false), ("mode", false), ("owner", false),
    ]
    return .init(
      id: "files", title: "Files",
      body: HTMLPage.treemap(label: "Treemap of the files", note: note) + "\n"
        + HTMLPage.table(
          id: "file-table", caption: "Files by size", columns: columns, rows: tree.largest(Self.staticRows),
          of: tree.fileCount))
  }

  var hiddenFiles: HTMLPage.Section {
    let title = "Hidden files"
    guard !hidden.isEmpty else {
      return .init(id: "hidden", title: title, body: "<p>No layer hides a file of another: no bytes are wasted.</p>")
    }
    let bytes = hidden.reduce(Int64(0)) { $0 + $1.size }
    let again = hidden.filter { $0.reason == "the same content again" }
    var text =
      "\(PageText.count(hidden.count, "file")) with \(PageText.bytes(bytes)) \(hidden.count == 1 ? "is" : "are") pulled and never seen, because an upper layer replaces or deletes "
      + "\(hidden.count == 1 ? "it" : "them")."
    if !again.isEmpty {
      text +=
        " Of these, \(PageText.count(again.count, "is", "are")) there again with the same content, only with another mode, owner or time."
    }
    let columns = [("path", false), ("size", true), ("layer", true), ("hidden by layer", true), ("how", false)]
    let rows = hidden.prefix(Self.staticRows).map {
      [PageText.escaped($0.path), PageText.bytes($0.size), String($0.layer), String($0.hiddenBy), $0.reason]
    }
    return .init(
      id: "hidden", title: title,
      body: "<p>\(text)</p>\n"
        + HTMLPage.table(
          id: "hidden-table", caption: "Hidden files by size", columns: columns, rows: Array(rows), of: hidden.count))
  }

  // MARK: Changes

  var changes: HTMLPage.Section? {
    guard let difference, let other else { return nil }
    let changes = difference.files.map { ImagePageChange($0) }
    var parts = ["added", "removed", "changed"].map { kind in
      "\(PageText.count(changes.count { $0.kind == kind })) \(kind)"
    }
    parts.append(PageText.count(difference.settings.count, "setting differs", "settings differ"))
    let (old, new) = difference.layerCounts
    let sent = zip(image.manifest.layers, image.contents.layers)
      .filter { layer in !other.contents.layers.contains { $0.diffID != nil && $0.diffID == layer.1.diffID } }
      .reduce(Int64(0)) { $0 + $1.0.size }
    var body =
      "<p>Against \(PageText.escaped(other.name)): \(parts.joined(separator: ", ")). \(difference.sharedLayers) of \(old) and \(new) layers are in both; "
      + "the others have \(PageText.bytes(sent)).</p>"
    if !changes.isEmpty {
      let columns = [
        ("change", false), ("path", false), ("size before", true), ("size now", true), ("layer", true), ("what", false),
      ]
      body +=
        "\n"
        + HTMLPage.table(
          id: "change-table", caption: "Files that differ", columns: columns,
          rows: changes.prefix(Self.staticRows).map(\.cells), of: changes.count)
    }
    if !difference.settings.isEmpty {
      let rows = difference.settings.map { setting in
        [setting.path, setting.old ?? "", setting.new ?? ""].map {
          "<span class=\"code\">\(PageText.escaped($0))</span>"
        }
      }
      body +=
        "\n"
        + HTMLPage.table(
          id: "setting-table", caption: "Settings that differ",
          columns: [("setting", false), ("before", false), ("now", false)], rows: rows)
    }
    return .init(id: "changes", title: "Changes", body: body)
  }

  // MARK: Configuration

  var configuration: HTMLPage.Section {
    let runtime = image.configuration.runtime
    var list: [(name: String, value: String)] = []
    func add(_ name: String, _ values: [String]) {
      guard !values.isEmpty else { return }
      let items = values.map { "<li class=\"code\">\(PageText.escaped($0))</li>" }
      list.append((name, "<ul>\(items.joined())</ul>"))
    }
    func words(_ list: [String]?) -> [String] {
      guard let list, !list.isEmpty else { return [] }
      return [list.map { $0.contains(" ") || $0.isEmpty ? "'\($0)'" : $0 }.joined(separator: " ")]
    }
    func pairs(_ values: [String: String]) -> [String] {
      values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { "\($0.key)=\($0.value)" }
    }
    add("entrypoint", words(runtime.entrypoint))
    add("command", words(runtime.command))
    add("user", runtime.user.map { [$0] } ?? [])
    add("directory", runtime.workingDirectory.map { [$0] } ?? [])
    add("environment", runtime.environment)
    add("ports", runtime.exposedPorts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    add("volumes", runtime.volumes.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    add("stop signal", runtime.stopSignal.map { [$0] } ?? [])
    add("labels", pairs(runtime.labels))
    add("annotations", pairs(image.manifest.annotations))
    add("author", image.configuration.author.map { [$0] } ?? [])
    return .init(
      id: "configuration", title: "Configuration",
      body: list.isEmpty ? "<p>The configuration says nothing but the platform.</p>" : Self.list(list))
  }
}

extension LayerListing.Entry {
  /// Whether it deletes something of the layers below, rather than being a file.
  fileprivate var isWhiteout: Bool {
    let start = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    return path[start...].starts(with: Whiteout.prefix)
  }
}

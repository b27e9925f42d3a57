internal import OCICore
internal import Tarball

/// The files of an image as its page's scripts draw them: an array a field, by number, the root first and every directory
/// before what is in it.
struct ImagePageTree: Sendable {
  private(set) var names: [String] = ["/"]
  private(set) var parents = [0]
  private(set) var sizes: [Int64] = [0]
  /// From 1; 0 for what no layer names.
  private(set) var layers = [0]
  private var kinds = "d"
  private var changes: String?
  private var owners = Table()
  private var modes = Table()
  private var links: [String: String] = [:]

  /// The bytes of all files.
  var bytes: Int64 { sizes.reduce(0) { $0.addingReportingOverflow($1).partialValue } }
  /// How many paths are no directories.
  var fileCount: Int { kinds.utf8.count { $0 != UInt8(ascii: "d") } }

  /// Different texts, each once.
  private struct Table: Sendable {
    var texts: [String] = []
    var numbers: [Int] = []
    private var known: [String: Int] = [:]

    mutating func append(_ text: String) {
      let number = known[text] ?? texts.count
      if number == texts.count {
        known[text] = number
        texts.append(text)
      }
      numbers.append(number)
    }
  }

  /// - Parameter difference: Since another image, to mark what changed.
  init(_ entries: [MergedTree.Entry], since difference: ImageDifference?) {
    let marks = difference.map { difference in
      Dictionary(difference.files.map { ($0.change.path, Self.mark($0.change)) }, uniquingKeysWith: { $1 })
    }
    changes = marks == nil ? nil : "="
    let root = entries.first { $0.listing.path == Self.root }
    owners.append(root.map { Self.owner($0.listing) } ?? "")
    modes.append(root.map { Self.mode($0.listing) } ?? "")
    // The directories that are open, with their paths.
    var open: [(number: Int, path: [UInt8])] = []
    for entry in entries where entry.listing.path != Self.root {
      let path = entry.listing.path
      while let last = open.last, !path.starts(with: last.path + [Self.slash]) { open.removeLast() }
      let name = path[(open.last.map { $0.path.count + 1 } ?? 0)...]
      parents.append(open.last?.number ?? 0)
      if entry.listing.kind == .directory { open.append((names.count, path)) }
      if let target = entry.listing.linkTarget { links[String(names.count)] = PageText.visible(target) }
      names.append(PageText.visible(Array(name)))
      // Further names of a file have its bytes too, which are there once.
      sizes.append(entry.isFurtherName ? 0 : max(0, entry.listing.size ?? 0))
      layers.append(entry.layer.map { $0 + 1 } ?? 0)
      kinds.append(entry.isFurtherName ? "h" : Self.letter(entry.listing.kind))
      owners.append(Self.owner(entry.listing))
      modes.append(Self.mode(entry.listing))
      if let marks { changes?.append(marks[path] ?? "=") }
    }
  }

  private static let slash = UInt8(ascii: "/")
  private static let root = [UInt8(ascii: ".")]

  private static func mark(_ change: LayerListing.Change) -> Character {
    switch change.kind {
    case .added: "+"
    case .changed: "~"
    case .removed: "-"
    }
  }

  private static func letter(_ kind: LayerListing.Entry.Kind) -> Character {
    switch kind {
    case .file: "f"
    case .directory: "d"
    case .symlink: "l"
    case .hardLink: "h"
    case .characterDevice: "c"
    case .blockDevice: "b"
    case .fifo: "p"
    }
  }

  private static func mode(_ entry: LayerListing.Entry) -> String {
    guard let mode = entry.mode else { return "" }
    let digits = String(mode, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// As numbers, with the names where an archive has some.
  private static func owner(_ entry: LayerListing.Entry) -> String {
    func text(_ number: Int64?, _ name: [UInt8]) -> String {
      let digits = number.map { "\($0)" } ?? "?"
      return name.isEmpty ? digits : "\(PageText.visible(name)) (\(digits))"
    }
    return "\(text(entry.uid, entry.userName)):\(text(entry.gid, entry.groupName))"
  }

  /// For the script.
  var json: JSON {
    var object: JSON.Object = [
      "name": .strings(names), "parent": .array(parents.map { .integer($0) }),
      "size": .array(sizes.map { .integer($0) }), "layer": .array(layers.map { .integer($0) }), "kind": .string(kinds),
      "owners": .strings(owners.texts), "owner": .array(owners.numbers.map { .integer($0) }),
      "modes": .strings(modes.texts), "mode": .array(modes.numbers.map { .integer($0) }),
    ]
    object["link"] = JSON.strings(links)
    if let changes { object["change"] = .string(changes) }
    return .object(object)
  }

  /// The largest files, as a table's rows without a script: path, size, layer, kind, mode and owner.
  func largest(_ count: Int) -> [[String]] {
    let kinds = Array(self.kinds)
    let order = names.indices.filter { kinds[$0] != "d" }.sorted { (sizes[$0], $1) > (sizes[$1], $0) }
    return order.prefix(count).map { number in
      let link = links[String(number)].map { " → \($0)" } ?? ""
      return [
        PageText.escaped(path(of: number) + link), PageText.bytes(sizes[number]), String(layers[number]),
        Self.kindNames[kinds[number], default: ""], modes.texts[modes.numbers[number]],
        PageText.escaped(owners.texts[owners.numbers[number]]),
      ]
    }
  }

  private static let kindNames: [Character: String] = [
    "f": "file", "l": "symbolic link", "h": "hard link", "c": "character device", "b": "block device",
    "p": "named pipe",
  ]

  private func path(of number: Int) -> String {
    var parts: [String] = []
    var number = number
    while number != 0 {
      parts.append(names[number])
      number = parents[number]
    }
    return "/" + parts.reversed().joined(separator: "/")
  }
}

internal import OCICore
internal import Tarball

/// A file that differs between two images, as the page tells it.
struct ImagePageChange {
  var kind: String
  var path: String
  var oldSize: Int64?
  var newSize: Int64?
  var layer: Int?
  /// Which fields differ, with their values; or which layer had what is gone.
  var fields: String

  init(_ file: ImageDifference.File) {
    path = "/" + PageText.visible(file.change.path)
    layer = file.newLayer
    switch file.change.kind {
    case .added(let entry):
      kind = "added"
      newSize = entry.size
      fields = entry.kind == .file ? "" : Self.kindName(entry.kind)
    case .removed(let entry):
      kind = "removed"
      oldSize = entry.size
      fields = file.oldLayer.map { "was in layer \($0)" } ?? ""
    case .changed(let changed):
      kind = "changed"
      let size = changed.first { $0.name == "size" }
      oldSize = size?.old.flatMap { Int64($0) }
      newSize = size?.new.flatMap { Int64($0) }
      fields = changed.filter { $0.name != "size" }.map(Self.text).joined(separator: ", ")
    }
  }

  private static func kindName(_ kind: LayerListing.Entry.Kind) -> String {
    switch kind {
    case .file: "file"
    case .directory: "directory"
    case .symlink: "symbolic link"
    case .hardLink: "hard link"
    case .characterDevice: "character device"
    case .blockDevice: "block device"
    case .fifo: "named pipe"
    }
  }

  /// Digests say no more to a reader than that they differ.
  private static func text(_ field: LayerListing.Change.Field) -> String {
    guard field.name != "content" else { return "content" }
    func value(_ text: String?) -> String { text.map { PageText.visible($0) } ?? "none" }
    let name = PageText.visible(field.name)
    guard field.name == "time", let old = field.old.flatMap({ Int64($0) }), let new = field.new.flatMap({ Int64($0) })
    else {
      return "\(name) \(value(field.old)) → \(value(field.new))"
    }
    return "time \(Self.time(old)) → \(Self.time(new))"
  }

  /// As a date where it is one that has four digits for its year.
  private static func time(_ seconds: Int64) -> String {
    (0..<253_402_300_800).contains(seconds) ? Timestamp.text(seconds) : String(seconds)
  }

  /// For the script.
  var values: [JSON] {
    [
      .string(kind), .string(path), oldSize.map { .integer($0) } ?? .null, newSize.map { .integer($0) } ?? .null,
      layer.map { .integer($0) } ?? .null, .string(fields),
    ]
  }

  /// A row of a table without a script.
  var cells: [String] {
    [
      kind, PageText.escaped(path), oldSize.map { PageText.bytes($0) } ?? "", newSize.map { PageText.bytes($0) } ?? "",
      layer.map(String.init) ?? "", PageText.escaped(fields),
    ]
  }
}

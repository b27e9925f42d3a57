internal import Tarball

/// A file that an upper layer hides, as the page tells it.
struct ImagePageHiddenFile: Sendable {
  var path: String
  var size: Int64
  /// Both from 1.
  var layer: Int
  var hiddenBy: Int
  /// What the upper layer does.
  var reason: String

  /// The largest first.
  static func all(in tree: MergedTree) -> [ImagePageHiddenFile] {
    let hidden = tree.hiddenFiles
    guard !hidden.isEmpty else { return [] }
    var now: [[UInt8]: MergedTree.Entry] = [:]
    for entry in tree.entries { now[entry.listing.path] = entry }
    let order = hidden.indices.sorted { (hidden[$0].listing.size ?? 0, $1) > (hidden[$1].listing.size ?? 0, $0) }
    return order.map { index in
      let file = hidden[index]
      return ImagePageHiddenFile(
        path: "/" + PageText.visible(file.listing.path), size: max(0, file.listing.size ?? 0), layer: file.layer + 1,
        hiddenBy: file.hiddenBy + 1, reason: reason(file, now[file.listing.path]))
    }
  }

  private static func reason(_ file: MergedTree.HiddenFile, _ now: MergedTree.Entry?) -> String {
    guard let now, let layer = now.layer, layer >= file.hiddenBy else { return "deleted" }
    guard now.listing.kind == .file else { return "replaced by another kind" }
    guard let digest = now.listing.digest, digest == file.listing.digest else { return "other content" }
    return "the same content again"
  }
}

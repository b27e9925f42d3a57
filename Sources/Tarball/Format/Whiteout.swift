/// The names by which a layer deletes what lower layers have (image-spec, layer.md §whiteouts).
package enum Whiteout {
  package static let prefix = Array(".wh.".utf8)
  static let opaqueMarker = Array(".wh..wh..opq".utf8)

  /// The name by which a layer has a deletion.
  static func named(_ entry: LayerEntry) throws(TarballError) -> (name: [UInt8], entry: LayerEntry) {
    let base = try LayerTree.name(of: entry.path)
    let start = base.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    return (entry.kind == .whiteout ? prefix + base[start...] : opaqueMarker, entry)
  }

  static func reserved(_ name: [UInt8]) -> TarballError {
    TarballError(
      .reservedName,
      "'\(String(decoding: name, as: UTF8.self))' begins with '.wh.', which layers use for deletions; rename it")
  }
}

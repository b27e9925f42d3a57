/// The names by which a layer deletes what lower layers have (image-spec, layer.md §whiteouts).
enum Whiteout {
  static let prefix = Array(".wh.".utf8)
  static let opaqueMarker = Array(".wh..wh..opq".utf8)

  static func reserved(_ name: [UInt8]) -> TarballError {
    TarballError(
      .reservedName,
      "'\(String(decoding: name, as: UTF8.self))' begins with '.wh.', which layers use for deletions; rename it")
  }
}

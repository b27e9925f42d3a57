/// What a registry says about how far an upload has come (distribution-spec §Pushing a blob in chunks).
struct UploadStatus: Hashable {
  /// How many bytes it has; `nil` where what it says could mean more than one thing.
  let offset: Int64?

  /// Parses a `Range` header: `0-N` with the last byte's number, with or without `bytes=`.
  ///
  /// `0-0` may be one byte or none, depending on the registry; `0--1` is none.
  /// - Parameter counts: Whether the registry writes the number of bytes in place of the last one's number.
  init(range: String?, counts: Bool) {
    offset = range.flatMap { Self.parse($0, counts) }
  }

  private static func parse(_ range: String, _ counts: Bool) -> Int64? {
    var text = range.trimmingPrefix { $0 == " " }
    if text.lowercased().hasPrefix("bytes=") { text = text.dropFirst(6) }
    guard text.hasPrefix("0-") else { return nil }
    let end = text.dropFirst(2)
    if end == "-1" { return 0 }
    guard !end.isEmpty, end.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let last = Int64(end),
      last < .max, last > 0
    else { return nil }
    return counts ? last : last + 1
  }
}

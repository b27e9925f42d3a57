public import OCICore

/// Tags that are named after what they name.
public enum ContentTag {
  /// The tag of a digest: `d-` and its hexadecimal digits. Not `sha256-…`: GitLab's registry takes that for the digest itself, and the
  /// referrers fallback has it (distribution-spec, §Referrers Tag Schema).
  public static func text(for digest: Digest) -> String { "d-\(digest.hex)" }

  /// The digest that such a tag names; `nil` for other tags.
  public static func digest(of tag: String) -> Digest? {
    guard tag.hasPrefix("d-") else { return nil }
    return try? Digest("sha256:\(tag.dropFirst(2))")
  }
}

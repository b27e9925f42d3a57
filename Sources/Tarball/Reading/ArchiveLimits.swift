/// What a reader of foreign archives takes before it gives up, so that a hostile one costs bounded time and memory.
public struct ArchiveLimits: Sendable, Hashable {
  /// The most members.
  public var memberCount: Int
  /// The most bytes of a name, a link's target, or a member's extended attributes.
  public var metadataLength: Int
  /// The most bytes of content in all members together.
  public var contentSize: Int64
  /// How many times its own size an archive may become; only from 16 MiB on, because small ones may well be zeros.
  public var expansionRatio: Int64

  /// Creates limits. Unless told otherwise they let in every sensible layer: a million members, 64 KiB of metadata each,
  /// 256 GiB of content, a thousand times the archive's size.
  public init(
    memberCount: Int = 1_000_000, metadataLength: Int = 64 << 10, contentSize: Int64 = 256 << 30,
    expansionRatio: Int64 = 1000
  ) {
    self.memberCount = memberCount
    self.metadataLength = metadataLength
    self.contentSize = contentSize
    self.expansionRatio = expansionRatio
  }

  /// Below this many bytes the ratio does not matter.
  static let unratedSize: Int64 = 16 << 20
}

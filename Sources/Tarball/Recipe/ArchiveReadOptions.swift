/// How an archive's members become those of a layer.
public struct ArchiveReadOptions: Sendable, Hashable {
  /// Whether owners, their names and times are the archive's, rather than the policy's.
  public var keepsOwnersAndTimes: Bool
  /// Whether extended attributes are the archive's, those that the policy lets in not counted.
  public var keepsExtendedAttributes: Bool
  /// Whether device nodes are taken. Runtimes without root cannot unpack them.
  public var allowsDevices: Bool
  /// What the reader takes before it gives up.
  public var limits: ArchiveLimits

  /// Creates options.
  public init(
    keepsOwnersAndTimes: Bool = false, keepsExtendedAttributes: Bool = false, allowsDevices: Bool = false,
    limits: ArchiveLimits = .init()
  ) {
    self.keepsOwnersAndTimes = keepsOwnersAndTimes
    self.keepsExtendedAttributes = keepsExtendedAttributes
    self.allowsDevices = allowsDevices
    self.limits = limits
  }

  /// Everything as the archive has it, devices too.
  public static let keepingEverything = ArchiveReadOptions(
    keepsOwnersAndTimes: true, keepsExtendedAttributes: true, allowsDevices: true)

  var fingerprint: String {
    [
      keepsOwnersAndTimes ? "owners" : nil, keepsExtendedAttributes ? "xattrs" : nil, allowsDevices ? "devices" : nil,
    ].compactMap(\.self).joined(separator: ",")
  }
}

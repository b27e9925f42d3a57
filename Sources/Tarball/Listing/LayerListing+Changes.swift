extension LayerListing {
  /// How one member differs between two listings.
  public struct Change: Sendable, Hashable, CustomStringConvertible {
    /// What became of a member.
    public enum Kind: Sendable, Hashable {
      /// It was not there.
      case added(Entry)
      /// It is not there any more.
      case removed(Entry)
      /// Both have it, and these fields differ.
      case changed([Field])
    }

    /// A field with its values before and after; `nil` where there was none.
    public struct Field: Sendable, Hashable {
      /// What it is: `type`, `mode`, `uid`, `gid`, `uname`, `gname`, `size`, `time`, `link`, `device`, `content`, or
      /// `xattr.NAME`.
      public var name: String
      /// Before.
      public var old: String?
      /// After.
      public var new: String?
    }

    /// The member's path.
    public var path: [UInt8]
    /// What became of it.
    public var kind: Kind

    /// A line for people.
    public var description: String {
      let name = String(decoding: path, as: UTF8.self)
      switch kind {
      case .added: return "+ \(name)"
      case .removed: return "- \(name)"
      case .changed(let fields):
        let texts = fields.map { "\($0.name) \($0.old ?? "(none)") -> \($0.new ?? "(none)")" }
        return "~ \(name): \(texts.joined(separator: ", "))"
      }
    }
  }

  /// What changed since another listing, sorted by path; empty when both say the same. A field that one of them does not
  /// know is not compared. Of members with one path, as a careless archive has them, the last counts.
  public func changes(since old: LayerListing) -> [Change] {
    let before = Dictionary(old.entries.map { ($0.path, $0) }) { $1 }
    let after = Dictionary(entries.map { ($0.path, $0) }) { $1 }
    var result: [Change] = []
    for path in Set(before.keys).union(after.keys).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      switch (before[path], after[path]) {
      case (let entry?, nil): result.append(Change(path: path, kind: .removed(entry)))
      case (nil, let entry?): result.append(Change(path: path, kind: .added(entry)))
      case (let entry?, let next?):
        let fields = entry.fields(changedIn: next)
        if !fields.isEmpty { result.append(Change(path: path, kind: .changed(fields))) }
      case (nil, nil): break
      }
    }
    return result
  }
}

extension LayerListing.Entry {
  fileprivate func fields(changedIn next: LayerListing.Entry) -> [LayerListing.Change.Field] {
    var result: [LayerListing.Change.Field] = []
    func compare(_ name: String, _ old: String?, _ new: String?) {
      if old != new { result.append(.init(name: name, old: old, new: new)) }
    }
    /// Compares what both know.
    func compareKnown(_ name: String, _ old: String?, _ new: String?) {
      if old != nil, new != nil { compare(name, old, new) }
    }
    compare("type", kind.rawValue, next.kind.rawValue)
    compareKnown("mode", mode.map { String($0, radix: 8) }, next.mode.map { String($0, radix: 8) })
    compareKnown("uid", uid.map { "\($0)" }, next.uid.map { "\($0)" })
    compareKnown("gid", gid.map { "\($0)" }, next.gid.map { "\($0)" })
    compare("uname", text(userName), text(next.userName))
    compare("gname", text(groupName), text(next.groupName))
    compareKnown("size", size.map { "\($0)" }, next.size.map { "\($0)" })
    compareKnown("time", modificationTime.map { "\($0)" }, next.modificationTime.map { "\($0)" })
    if linkTarget != next.linkTarget { compare("link", linkTarget.map(Self.quoted), next.linkTarget.map(Self.quoted)) }
    compare("device", device.map { "\($0.major):\($0.minor)" }, next.device.map { "\($0.major):\($0.minor)" })
    compareKnown("content", digest.map { "\($0)" }, next.digest.map { "\($0)" })
    let names = Set(extendedAttributes.map(\.name)).union(next.extendedAttributes.map(\.name))
    for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      compare("xattr.\(Self.quoted(name))", value(of: name), next.value(of: name))
    }
    return result
  }

  private func text(_ name: [UInt8]) -> String? { name.isEmpty ? nil : Self.quoted(name) }

  private func value(of attribute: [UInt8]) -> String? {
    extendedAttributes.first { $0.name == attribute }.map { attribute in
      attribute.value.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }

  /// Bytes as a text that differs where they do.
  private static func quoted(_ bytes: [UInt8]) -> String {
    String(validating: bytes, as: UTF8.self) ?? escaped(bytes)
  }
}

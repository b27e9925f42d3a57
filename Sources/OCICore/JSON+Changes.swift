extension JSON {
  /// This value with the changes that lead from one value to another, which are two readings of it: what is the same in
  /// both stays here as it is, be it written in another order or case, or with members that the readings left out.
  func applying(changesFrom before: JSON, to after: JSON) -> JSON {
    if before == after { return self }
    switch (self, before, after) {
    case (.object(let source), .object(let before), .object(let after)):
      return .object(source.applying(changesFrom: before, to: after))
    case (.array(let source), .array(let before), .array(let after)) where source.count == before.count:
      return .array(Self.applying(changesFrom: before, to: after, in: source))
    default:
      return after
    }
  }

  private static func applying(changesFrom before: [JSON], to after: [JSON], in source: [JSON]) -> [JSON] {
    let start = zip(before, after).prefix { $0 == $1 }.count
    let end = zip(before.dropFirst(start).reversed(), after.dropFirst(start).reversed()).prefix { $0 == $1 }.count
    let old = start..<(before.count - end)
    let new = start..<(after.count - end)
    if old.count == new.count {
      // As many as before: each was changed in its place.
      let changed = zip(old, new).map { source[$0].applying(changesFrom: before[$0], to: after[$1]) }
      return source[..<start] + changed + source[old.upperBound...]
    }
    // Some came or went: those that were there keep their text wherever they are now.
    var places: [JSON: [Int]] = [:]
    for index in old.reversed() { places[before[index], default: []].append(index) }
    let moved = new.map { index in places[after[index]]?.popLast().map { source[$0] } ?? after[index] }
    return source[..<start] + moved + source[old.upperBound...]
  }
}

extension JSON.Object {
  fileprivate func applying(changesFrom before: Self, to after: Self) -> Self {
    let old = Members(before)
    let new = Members(after)
    // What each of our members is called in the readings, which know it in any case.
    let names = members.map { member in
      let name = Array(member.name.utf8)
      if old.byName[name] != nil || new.byName[name] != nil { return name }
      return new.anyCase[folded(member.name)] ?? old.anyCase[folded(member.name)] ?? name
    }
    var result = Self()
    // A new member stands behind the one that it follows in the reading.
    let present = Set(names)
    var followers: [[UInt8]?: [(name: String, value: JSON)]] = [:]
    var anchor: [UInt8]?
    for member in after.members {
      let name = Array(member.name.utf8)
      if present.contains(name) {
        anchor = name
      } else if old.byName[name] != member.value {
        // What both readings have and we do not is a default that goes without saying.
        followers[anchor, default: []].append(member)
      }
    }
    for member in followers[nil] ?? [] { result.append(member.name, member.value) }
    for (member, name) in zip(members, names) {
      switch (old.byName[name], new.byName[name]) {
      case (nil, nil): result.append(member.name, member.value)
      case (_, nil): break
      case (nil, let value?): result.append(member.name, value)
      case (let before?, let after?):
        result.append(member.name, member.value.applying(changesFrom: before, to: after))
      }
      for follower in followers[name] ?? [] { result.append(follower.name, follower.value) }
    }
    return result
  }

  private struct Members {
    var byName: [[UInt8]: JSON] = [:]
    var anyCase: [[UInt8]: [UInt8]] = [:]

    init(_ object: JSON.Object) {
      for member in object.members {
        let name = Array(member.name.utf8)
        byName[name] = member.value
        anyCase[folded(member.name)] = name
      }
    }
  }
}

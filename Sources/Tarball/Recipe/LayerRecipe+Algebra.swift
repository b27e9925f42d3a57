public import SystemPackage

/// What can be done to a recipe before anything is read. Paths are those of the image.
extension LayerRecipe {
  /// Without what matches a pattern, and everything in it.
  public func excluding(_ patterns: [PathPattern]) -> LayerRecipe {
    var result = ruled { PathRule(patterns, .exclude, base: $0) }
    result.entries.removeAll { entry in patterns.contains { $0.matchesOrContains(Self.relative(entry.path)) } }
    return result
  }

  /// With nothing but what matches one of some patterns, everything in it, and the directories above it.
  public func keeping(only patterns: [PathPattern]) -> LayerRecipe {
    var result = ruled { PathRule(patterns, .include, base: $0) }
    result.entries.removeAll { entry in !patterns.contains { $0.matchesOrContains(Self.relative(entry.path)) } }
    return result
  }

  /// With other metadata where a pattern matches.
  /// - Parameters:
  ///   - pattern: Which paths.
  ///   - change: What they get.
  ///   - isRecursive: Whether it is for everything in matching directories, too.
  ///   - isRequired: Whether it is an error when nothing of the layer matches; with sources that is found out when the layer is made.
  /// - Throws: `TarballError.Code.invalidRecipe` where there are no sources and no entry matches what is required.
  public func changing(
    _ pattern: PathPattern, _ change: MetadataChange, isRecursive: Bool = false, isRequired: Bool = false
  ) throws(TarballError) -> LayerRecipe {
    var isMatched = false
    var result = self
    for index in result.entries.indices {
      let path = Self.relative(result.entries[index].path)
      guard isRecursive ? pattern.matchesOrContains(path) : pattern.matches(path) else { continue }
      isMatched = true
      change.apply(to: &result.entries[index])
    }
    result.parentRules.append(
      PathRule([pattern], .change(change), isRecursive: isRecursive, isRequired: isRequired && !isMatched, base: "/"))
    if isRequired, !isMatched, sources.isEmpty, entries.isEmpty { throw PathRule.unmatched([pattern]) }
    let isStillRequired = isRequired && !isMatched
    return result.ruled {
      PathRule([pattern], .change(change), isRecursive: isRecursive, isRequired: isStillRequired, base: $0)
    }
  }

  /// With what is at one path, and everything in it, at another.
  /// - Throws: `TarballError.Code.invalidRecipe` where a path is not absolute.
  public func moving(_ path: FilePath, to target: FilePath) throws(TarballError) -> LayerRecipe {
    let (from, to) = (path.lexicallyNormalized(), target.lexicallyNormalized())
    guard from.isAbsolute, to.isAbsolute else {
      throw TarballError(.invalidRecipe, "'\(from.isAbsolute ? to : from)' must begin with '/' to move something")
    }
    var result = self
    result.sources = sources.flatMap { source in
      let (rest, moved) = Self.split(source, at: from, to: to)
      return [rest, moved].compactMap(\.self)
    }
    for index in result.entries.indices { Self.move(&result.entries[index], from: from, to: to) }
    return result
  }

  /// What is below a path, at the root, and nothing else.
  /// - Throws: `TarballError.Code.invalidRecipe` where the path is not absolute.
  public func strippingPrefix(_ path: FilePath) throws(TarballError) -> LayerRecipe {
    let prefix = path.lexicallyNormalized()
    guard prefix.isAbsolute else {
      throw TarballError(.invalidRecipe, "'\(path)' must begin with '/' to be a prefix")
    }
    var result = self
    result.sources = sources.compactMap { Self.split($0, at: prefix, to: "/").moved }
    result.entries.removeAll { Self.rest(of: $0.path, below: prefix) == nil }
    for index in result.entries.indices { Self.move(&result.entries[index], from: prefix, to: "/") }
    return result
  }

  /// What of a source is at a path, moved, and what is not.
  private static func split(_ source: Source, at from: FilePath, to: FilePath) -> (rest: Source?, moved: Source?) {
    var rest = source
    var moved = source
    if let below = Self.rest(of: source.destination, below: from) {
      moved.destination = to.appending(below.components)
      return (nil, moved)
    }
    guard source.form != .verbatimTar, let below = Self.rest(of: from, below: source.destination) else {
      return (source, nil)
    }
    moved.subtree.append(below.components)
    moved.destination = to
    moved.allowsMissing = true
    for index in moved.rules.indices { moved.rules[index].base.append(below.components) }
    rest.rules.append(PathRule([PathPattern(exactly: from)], .exclude, base: source.destination))
    return (rest, moved)
  }

  private static func move(_ entry: inout LayerEntry, from: FilePath, to: FilePath) {
    if let rest = rest(of: entry.path, below: from) { entry.path = to.appending(rest.components) }
    if case .hardLink(let linked) = entry.kind, let rest = rest(of: linked, below: from) {
      entry.kind = .hardLink(to: to.appending(rest.components))
    }
  }

  /// Both together; what differs at one path is an error, unless a policy says otherwise.
  public func merged(with other: LayerRecipe, conflicts: ConflictPolicy = .refuse) -> LayerRecipe {
    var result = self
    result.sources += other.sources
    result.entries += other.entries
    result.parentRules += other.parentRules
    result.conflicts = conflicts
    return result
  }

  /// With the deletion of what lower layers have at some paths.
  public func hiding(_ paths: [FilePath]) -> LayerRecipe {
    var result = self
    result.entries += paths.map { LayerEntry($0, .whiteout) }
    return result
  }

  private func ruled(_ rule: (FilePath) -> PathRule) -> LayerRecipe {
    var result = self
    for index in result.sources.indices where result.sources[index].form != .verbatimTar {
      result.sources[index].rules.append(rule(result.sources[index].destination))
    }
    return result
  }

  private static func rest(of path: FilePath, below prefix: FilePath) -> FilePath? {
    var rest = path.lexicallyNormalized()
    return rest.removePrefix(prefix.lexicallyNormalized()) ? rest : nil
  }

  private static func relative(_ path: FilePath) -> [UInt8] {
    Array(HostFileSystem.path(path.lexicallyNormalized()).dropLast().drop { $0 == UInt8(ascii: "/") })
  }
}

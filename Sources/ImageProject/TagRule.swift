public import ImageAssembly
public import OCICore

/// How an image gets one of its tags.
public enum TagRule: Sendable, Hashable {
  /// `d-` and the digest's digits: names the same image for ever.
  case content
  /// The whole commit.
  case commit
  /// The first eight digits of the commit.
  case shortCommit
  /// A text, which may say `${NAME}`; perhaps on the default branch alone.
  case text(String, onDefaultBranch: Bool)

  /// The tags that rules give here, without repetition, those that name content for ever first.
  /// - Parameters:
  ///   - rules: The rules of one image.
  ///   - digest: That of the image.
  ///   - build: What is known of the commit.
  ///   - skipped: Told of each rule that gives none here, and why.
  /// - Throws: `AssemblyError.Code.invalidSettings` for a value that is missing, `OCIError.Code.invalidReference` for a text
  ///   that is no tag.
  public static func tags(
    _ rules: [TagRule], digest: Digest, build: BuildEnvironment, skipped: (String) -> Void = { _ in }
  ) throws -> [String] {
    var tags: [String] = []
    func add(_ tag: String) throws {
      try ImageReference.validate(tag: tag)
      if !tags.contains(tag) { tags.append(tag) }
    }
    for rule in rules {
      switch rule {
      case .content: try add(ContentTag.text(for: digest))
      case .commit, .shortCommit:
        guard let commit = build.commit else {
          throw AssemblyError(
            .invalidSettings,
            "a tag is the commit, and none is known: set one of \(BuildEnvironment.commitNames.joined(separator: ", ")), or give a stamp file"
          )
        }
        try add(rule == .commit ? commit : String(commit.prefix(8)))
      case .text(let text, let onDefaultBranch):
        if onDefaultBranch, !build.isDefaultBranch {
          skipped(
            "tag '\(text)' is for the branch '\(build.defaultBranch)' alone, and this is \(build.branch.map { "'\($0)'" } ?? "no known branch")"
          )
          continue
        }
        try add(try build.stamp.text(text))
      }
    }
    return tags
  }
}

/// What is known of the commit that is built, from the variables that CI systems set.
public struct BuildEnvironment: Sendable {
  /// Where values come from.
  public let stamp: Stamp
  /// The branch from which moving tags are pushed.
  public let defaultBranch: String

  static let commitNames = ["CI_COMMIT_SHA", "GITHUB_SHA", "STABLE_GIT_COMMIT", "GIT_COMMIT"]
  private static let branchNames = ["CI_COMMIT_BRANCH", "GITHUB_REF_NAME", "STABLE_GIT_BRANCH", "GIT_BRANCH"]

  /// Reads the environment.
  /// - Parameters:
  ///   - stamp: Where the values of variables come from.
  ///   - defaultBranch: The default branch, where the environment does not say.
  public init(_ stamp: Stamp, defaultBranch: String = "main") {
    self.stamp = stamp
    self.defaultBranch = Self.first(["CI_DEFAULT_BRANCH"], stamp) ?? defaultBranch
  }

  /// The commit.
  public var commit: String? { Self.first(Self.commitNames, stamp) }

  /// The branch; `nil` for a tag, a merge request, or where nothing says.
  public var branch: String? {
    // GitHub has one name for branches and tags, and says which it is.
    let isBranch = stamp.value("GITHUB_REF_TYPE").map { $0 == "branch" } ?? true
    return Self.first(Self.branchNames.filter { $0 != "GITHUB_REF_NAME" || isBranch }, stamp)
  }

  /// Whether the default branch is built.
  public var isDefaultBranch: Bool { branch == defaultBranch }

  private static func first(_ names: [String], _ stamp: Stamp) -> String? {
    names.lazy.compactMap { stamp.value($0) }.first { !$0.isEmpty }
  }
}

/// Where an image is in a registry: `[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`, by the grammar of the distribution project
/// that every container tool follows (distribution-spec, §Pulling Manifests, for the names).
///
/// A value is always complete: short names of Docker Hub are spelled out when they are read, so that `ubuntu` and
/// `docker.io/library/ubuntu` are equal.
public struct ImageReference: Sendable, Hashable {
  /// The registry's host, with its port if it has one, e.g. `ghcr.io` or `127.0.0.1:5000`.
  public let host: String
  /// The repository, e.g. `team/app`.
  public let repository: String
  /// The tag, if one is named.
  public let tag: String?
  /// The manifest's digest, if one is named. A registry goes by the digest where there are both; the tag is for people.
  public let digest: Digest?

  /// Docker Hub, which names without a host are about.
  public static let dockerHub = "docker.io"

  /// Creates a reference from its parts.
  /// - Throws: `OCIError.Code.invalidReference`, saying which part is wrong.
  public init(host: String, repository: String, tag: String? = nil, digest: Digest? = nil) throws(OCIError) {
    guard Self.isHost(host) else {
      throw OCIError(
        .invalidReference,
        "'\(excerpt(host))' is not a host (a name with a dot, localhost, or anything with a :PORT)")
    }
    // The hub has two names, and its official images a short one.
    self.host = host == "index.docker.io" ? Self.dockerHub : host
    let isOfficial = self.host == Self.dockerHub && !repository.utf8.contains(UInt8(ascii: "/"))
    self.repository = isOfficial ? "library/\(repository)" : repository
    self.tag = tag
    self.digest = digest
    try Self.validate(repository: self.repository)
    if let tag { try Self.validate(tag: tag) }
  }

  /// Parses a reference.
  ///
  /// The text before the first `/` is a host where it has a dot, a colon or an upper-case letter, or is `localhost`;
  /// otherwise it belongs to the repository.
  /// - Parameters:
  ///   - text: The reference, without a transport such as `docker://`.
  ///   - defaultHost: The host of names without one, as `ubuntu` or `team/app`; with `nil` they are refused.
  /// - Throws: `OCIError.Code.invalidReference`, saying which part is wrong.
  public init(_ text: String, defaultHost: String? = Self.dockerHub) throws(OCIError) {
    func invalid(_ why: String) -> OCIError {
      OCIError(
        .invalidReference, "'\(excerpt(text))' is not an image reference: \(why); expected HOST/REPOSITORY:TAG")
    }
    guard !text.isEmpty else { throw invalid("it is empty") }
    guard text.utf8.count != 64 || !isLowercaseHex(text) else {
      throw invalid("64 hexadecimal digits are the id of an image, not its name")
    }
    var rest = Substring(text)
    var digest: Digest?
    if let at = rest.firstIndex(of: "@") {
      let (name, after) = (rest[..<at], rest[rest.index(after: at)...])
      guard name.contains("/") || Self.mayBeDigest(after) else {
        // Not shown: what stands there may be a password.
        throw OCIError(
          .invalidReference, "an image reference holds no user name or password; log in to the registry instead")
      }
      do { digest = try Digest(String(after)) } catch { throw invalid(error.message) }
      guard let digest, Self.isReferenceDigest(digest) else {
        throw invalid(
          "its digest needs an algorithm of words that begin with a letter, and at least 32 hexadecimal digits")
      }
      rest = name
    }
    var host = defaultHost
    if let slash = rest.firstIndex(of: "/"), Self.looksLikeHost(rest[..<slash]) {
      host = String(rest[..<slash])
      rest = rest[rest.index(after: slash)...]
    }
    guard let host else { throw invalid("there is no registry host before the first '/'") }
    var tag: String?
    if let colon = rest.lastIndex(of: ":") {
      tag = String(rest[rest.index(after: colon)...])
      rest = rest[..<colon]
    }
    do { try self.init(host: host, repository: String(rest), tag: tag, digest: digest) } catch {
      throw invalid(error.message)
    }
  }

  private init(_ other: ImageReference, tag: String?, digest: Digest?) {
    host = other.host
    repository = other.repository
    self.tag = tag
    self.digest = digest
  }

  /// The repository alone.
  public var withoutTagOrDigest: ImageReference { ImageReference(self, tag: nil, digest: nil) }

  /// The same reference, pinned to a digest.
  public func withDigest(_ digest: Digest) -> ImageReference { ImageReference(self, tag: tag, digest: digest) }

  /// The same repository with another tag.
  /// - Throws: `OCIError.Code.invalidReference`.
  public func tagged(_ tag: String) throws(OCIError) -> ImageReference {
    try Self.validate(tag: tag)
    return ImageReference(self, tag: tag, digest: nil)
  }

  /// The same repository and tag, pinned to a manifest.
  public func pinned(to digest: Digest) -> ImageReference { ImageReference(self, tag: tag, digest: digest) }

  /// Whether the host is this machine: `localhost`, `127.0.0.0/8` or `[::1]`.
  public var isLoopback: Bool {
    if host.hasPrefix("[") { return host == "[::1]" || host.hasPrefix("[::1]:") }
    let name = host.split(separator: ":", omittingEmptySubsequences: false)[0]
    if name == "localhost" { return true }
    let octets = name.split(separator: ".", omittingEmptySubsequences: false)
    return octets.count == 4 && octets[0] == "127" && octets.allSatisfy { UInt8($0) != nil }
  }
}

// MARK: Text

extension ImageReference: CustomStringConvertible {
  /// The whole reference, with its host.
  public var description: String { "\(host)/\(repository)\(suffix)" }

  /// The shortest text that means the same to Docker: without the host and `library/` of Docker Hub.
  public var familiarName: String {
    guard host == Self.dockerHub else { return description }
    let name = repository.hasPrefix("library/") ? repository.dropFirst("library/".count) : repository[...]
    let short = "\(name)\(suffix)"
    // A repository of the hub may look like a host of its own.
    return (try? ImageReference(short)) == self ? short : description
  }

  private var suffix: String { (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }
}

// MARK: Grammar

extension ImageReference {
  /// Checks a tag: at most 128 of letters, digits, `_`, `.` and `-`, the first neither `.` nor `-`.
  /// - Throws: `OCIError.Code.invalidReference`.
  public static func validate(tag: String) throws(OCIError) {
    let isValid =
      (1...128).contains(tag.utf8.count)
      && tag.utf8.allSatisfy {
        isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
      }
      && tag.utf8.first != UInt8(ascii: ".") && tag.utf8.first != UInt8(ascii: "-")
    guard isValid else {
      throw OCIError(
        .invalidReference,
        "'\(excerpt(tag))' is not a tag (1 to 128 letters, digits, '_', '.' or '-', and it may not begin with '.' or '-')"
      )
    }
  }

  /// Checks a repository name: lower-case components joined by `/`, each of letters and digits with `.`, `_`, `__` or
  /// dashes between them, at most 255 characters in all.
  /// - Throws: `OCIError.Code.invalidReference`.
  public static func validate(repository: String) throws(OCIError) {
    guard repository.utf8.count <= 255 else {
      throw OCIError(.invalidReference, "repository '\(excerpt(repository))' is longer than 255 characters")
    }
    let components = repository.split(separator: "/", omittingEmptySubsequences: false)
    for component in components where !isComponent(component.utf8) {
      throw OCIError(
        .invalidReference,
        "'\(excerpt(String(component)))' in '\(excerpt(repository))' is not a repository name (lower-case letters and digits, separated by '.', '_', '__' or '-')"
      )
    }
  }

  private static func isComponent(_ bytes: Substring.UTF8View) -> Bool {
    guard let first = bytes.first, let last = bytes.last, isLowercaseAlphanumeric(first), isLowercaseAlphanumeric(last)
    else { return false }
    return bytes.split(whereSeparator: isLowercaseAlphanumeric).allSatisfy { separator in
      separator.elementsEqual(".".utf8) || separator.elementsEqual("_".utf8) || separator.elementsEqual("__".utf8)
        || separator.allSatisfy { $0 == UInt8(ascii: "-") }
    }
  }

  /// Docker's rule to tell a host from the first component of a repository.
  private static func looksLikeHost(_ text: Substring) -> Bool {
    text == "localhost"
      || text.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") || isUppercase($0) }
  }

  /// The grammar of references is narrower than that of digests.
  private static func isReferenceDigest(_ digest: Digest) -> Bool {
    digest.encoded.utf8.count >= 32 && isLowercaseHex(digest.encoded.lowercased())
      && digest.algorithm.name.utf8.split(whereSeparator: { !isAlphanumeric($0) }).allSatisfy {
        isLowercase($0[$0.startIndex])
      }
  }

  private static func mayBeDigest(_ text: Substring) -> Bool {
    Digest.HashFunction.allCases.contains { text.hasPrefix("\($0.rawValue):") } || (try? Digest(String(text))) != nil
  }

  private static func isHost(_ host: String) -> Bool {
    var name = Substring(host)
    var hasPort = false
    if let close = name.lastIndex(of: "]"), name.hasPrefix("[") {
      let port = name[name.index(after: close)...]
      let address = name[..<close].dropFirst()
      let isAddress =
        address.utf8.contains(UInt8(ascii: ":"))
        && address.utf8.allSatisfy {
          isLowercaseHex(lowercased($0)) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
        }
      return isAddress && (port.isEmpty || (port.first == ":" && isPort(port.dropFirst())))
    }
    if let colon = name.firstIndex(of: ":") {
      guard isPort(name[name.index(after: colon)...]) else { return false }
      hasPort = true
      name = name[..<colon]
    }
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let isName = labels.allSatisfy { label in
      guard let first = label.first, let last = label.last else { return false }
      return isAlphanumeric(first) && isAlphanumeric(last)
        && label.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }
    return isName && (hasPort || labels.count > 1 || name == "localhost")
  }

  private static func isPort(_ text: Substring) -> Bool {
    text.utf8.allSatisfy(isDigit) && UInt16(text).map { $0 > 0 } == true
  }
}

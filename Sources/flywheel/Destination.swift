import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// Where an image goes, by skopeo's transport names.
enum Destination: Hashable {
  case layout(FilePath, tag: String?)
  case registry(ImageReference)

  /// - Throws: `OCIError.Code.invalidReference`.
  init(_ text: String) throws {
    if text.hasPrefix("oci:") {
      let parts = text.dropFirst(4).split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard !parts[0].isEmpty else {
        throw OCIError(.invalidReference, "'\(text)' names no directory; expected oci:DIR:TAG")
      }
      let tag = parts.count > 1 ? String(parts[1]) : nil
      if let tag { try ImageLayoutStore.validate(name: tag) }
      self = .layout(FilePath(String(parts[0])), tag: tag)
    } else if text.hasPrefix("docker://") {
      // A name without a host would go to Docker Hub, which should be said, not guessed, of what is published.
      let reference = try ImageReference(String(text.dropFirst(9)), defaultHost: nil)
      guard reference.digest == nil else {
        throw OCIError(
          .invalidReference, "'\(text)' has a digest, but the digest of a new image follows from its content")
      }
      self = .registry(reference)
    } else {
      throw OCIError(
        .invalidReference, "'\(text)' is not a destination; expected oci:DIR:TAG or docker://HOST/REPOSITORY:TAG")
    }
  }

  /// Tags that go to one place share one push: the blobs once, then one request a tag.
  struct Group {
    var name: String
    var place: Place
    var tags: [String]
  }
  enum Place: Hashable {
    case layout(FilePath)
    case repository(ImageReference)
  }

  private var parts: (place: Place, name: String, tag: String?) {
    switch self {
    case .layout(let path, let tag): return (.layout(path), "oci:\(path)", tag)
    case .registry(let reference):
      let repository = reference.withoutTagOrDigest
      return (.repository(repository), "docker://\(repository)", reference.tag)
    }
  }

  static func groups(_ destinations: [Destination]) -> [Group] {
    var groups: [Group] = []
    for destination in destinations {
      let (place, name, tag) = destination.parts
      let tags = tag.map { [$0] } ?? []
      if let index = groups.firstIndex(where: { $0.place == place }) {
        groups[index].tags += tags.filter { !groups[index].tags.contains($0) }
      } else {
        groups.append(Group(name: name, place: place, tags: tags))
      }
    }
    return groups
  }
}

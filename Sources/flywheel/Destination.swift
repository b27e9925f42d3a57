import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// Where a new image goes, by skopeo's transport names.
struct Destination: Hashable {
  /// A place that takes images.
  enum Place: Hashable {
    /// Blobs, then tags: a registry, a layout, an OCI archive, a directory.
    case store(Location)
    /// A file that is written in one go.
    case archive(ArchiveExport.Form, FilePath)
    /// A daemon of this machine.
    case daemon(ContainerDaemon.Kind)
  }

  let place: Place
  /// The tag in a store; the whole name elsewhere.
  let name: String?

  static let forms =
    "docker://HOST/REPOSITORY:TAG, oci:DIR:TAG, oci-archive:FILE:TAG, dir:DIR, docker-archive:FILE:NAME:TAG, hybrid-archive:FILE:NAME:TAG, docker-daemon:NAME:TAG or containers-storage:NAME:TAG"

  /// - Throws: `OCIError.Code.invalidReference`.
  init(_ text: String) throws {
    for (prefix, form) in [("docker-archive:", ArchiveExport.Form.docker), ("hybrid-archive:", .hybrid)] {
      guard text.hasPrefix(prefix) else { continue }
      let parts = text.dropFirst(prefix.count).split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard let file = parts.first, !file.isEmpty else { throw Self.wrong(text, "names no file") }
      place = .archive(form, FilePath(String(file)))
      name = parts.count > 1 && !parts[1].isEmpty ? try Self.checked(String(parts[1]), in: text) : nil
      return
    }
    for (prefix, kind) in [("docker-daemon:", ContainerDaemon.Kind.docker), ("containers-storage:", .podman)] {
      guard text.hasPrefix(prefix) else { continue }
      place = .daemon(kind)
      name = try Self.checked(String(text.dropFirst(prefix.count)), in: text)
      return
    }
    let location: Location
    do { location = try Location(text) } catch let error as OCIError where error.message.contains("is no place") {
      throw Self.wrong(text, "is no place for an image")
    }
    if location.isPinned {
      throw OCIError(
        .invalidReference, "'\(text)' has a digest, but the digest of a new image follows from its content")
    }
    place = .store(location.withoutName)
    name = location.tag
  }

  private static func wrong(_ text: String, _ why: String) -> OCIError {
    OCIError(.invalidReference, "'\(text)' \(why); expected \(forms)")
  }

  private static func checked(_ name: String, in text: String) throws -> String {
    let reference = try ImageReference(name)
    guard reference.tag != nil, reference.digest == nil else { throw wrong(text, "needs NAME:TAG") }
    return name
  }

  var isRegistry: Bool { if case .store(let location) = place { location.isRegistry } else { false } }

  /// Names that go to one place share one push: the blobs once, then the tags.
  struct Group {
    var place: Place
    var names: [String]

    var name: String {
      switch place {
      case .store(let location): location.description
      case .archive(let form, let path): "\(form)-archive:\(path)"
      case .daemon(.docker): "docker-daemon"
      case .daemon(.podman): "containers-storage"
      }
    }

    var isRegistry: Bool { if case .store(let location) = place { location.isRegistry } else { false } }
  }

  static func groups(_ destinations: [Destination]) -> [Group] {
    var groups: [Group] = []
    for destination in destinations {
      let names = destination.name.map { [$0] } ?? []
      if let index = groups.firstIndex(where: { $0.place == destination.place }) {
        groups[index].names += names.filter { !groups[index].names.contains($0) }
      } else {
        groups.append(Group(place: destination.place, names: names))
      }
    }
    return groups
  }
}

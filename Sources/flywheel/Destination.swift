import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// Where a new image goes, by skopeo's transport names.
struct Destination: Hashable {
  let location: Location

  /// - Throws: `OCIError.Code.invalidReference`.
  init(_ text: String) throws {
    location = try Location(text)
    if location.isPinned {
      throw OCIError(
        .invalidReference, "'\(text)' has a digest, but the digest of a new image follows from its content")
    }
  }

  /// Tags that go to one place share one push: the blobs once, then the tags.
  struct Group {
    var name: String
    var place: Location
    var tags: [String]

    func store(_ client: RegistryClient) throws -> any TagStore & ReferrerStore { try place.store(client) }
  }

  static func groups(_ destinations: [Destination]) -> [Group] {
    var groups: [Group] = []
    for destination in destinations {
      let place = destination.location.withoutName
      let tags = destination.location.tag.map { [$0] } ?? []
      if let index = groups.firstIndex(where: { $0.place == place }) {
        groups[index].tags += tags.filter { !groups[index].tags.contains($0) }
      } else {
        groups.append(Group(name: place.description, place: place, tags: tags))
      }
    }
    return groups
  }
}

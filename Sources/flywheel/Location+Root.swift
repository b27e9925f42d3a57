import ImageAssembly
import OCICore

extension Location {
  /// The manifest that is named; of an index the one for a platform, if it is given.
  func root(in store: any TagStore, platform: Platform? = nil) async throws -> Descriptor {
    let root: Descriptor?
    switch (name, self) {
    case (_, .directory(_, let digest)):
      root = try await (store as? ImageDirectory)?.image().flatMap { [nil, $0.digest].contains(digest) ? $0 : nil }
    case (.tag(let tag), _): root = try await store.resolve(tag)
    case (.digest(let digest), .registry): root = try await store.resolve(digest.description)
    case (.digest(let digest), _):
      if let listed = try await only(in: store, { $0.digest == digest }) {
        root = listed
      } else {
        root = try await unlisted(digest, in: store)
      }
    case (nil, .registry): root = try await store.resolve("latest")
    case (nil, _): root = try await only(in: store) { _ in true }
    }
    guard let root else {
      if case .tag(let tag) = name, try await lists(tag, store) {
        throw OCIError(
          .notFound,
          "\(self) is listed, but a blob of it is missing or has another size; copy the image there once more")
      }
      throw OCIError(.notFound, "there is no image \(self); check its name, tag or digest")
    }
    guard let platform, root.mediaType.isIndex else { return root }
    guard case .index(let index) = try await store.manifest(root).manifest,
      let image = index.manifest(for: platform)
    else {
      throw OCIError(.notFound, "\(self) has no image for \(platform); look at its index, or copy it whole")
    }
    return image
  }

  /// Whether a layout or an archive has the name, though not all that it stands for.
  private func lists(_ tag: String, _ store: any TagStore) async throws -> Bool {
    let index = try await (store as? any IndexedStore)?.index()
    return index?.manifests.contains { $0.annotations[AnnotationKey.referenceName] == tag } ?? false
  }

  /// A manifest that is there, though its name has moved on.
  private func unlisted(_ digest: Digest, in store: any TagStore) async throws -> Descriptor? {
    let wanted = try Descriptor(
      .object(["mediaType": .string(MediaType.imageManifest.text), "digest": .string(digest.description)]),
      path: "manifest")
    guard try await store.exists(wanted) else { return nil }
    let bytes = try await store.fetch(wanted).collect(upTo: ImageManifest.sizeLimit)
    return Descriptor(mediaType: try AnyManifest.mediaType(of: bytes), describing: bytes)
  }

  /// The one entry of a layout or an archive that is meant.
  private func only(in store: any TagStore, _ isMeant: (Descriptor) -> Bool) async throws -> Descriptor? {
    let index = try await (store as? any IndexedStore)?.index()
    let found = (index?.manifests ?? []).filter(isMeant)
    guard Set(found.map(\.digest)).count < 2 else {
      throw OCIError(.invalidReference, "\(self) has \(found.count) images; name one by its tag or digest")
    }
    var root = found.first
    root?.annotations[AnnotationKey.referenceName] = nil
    return root
  }
}

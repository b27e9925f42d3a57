import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// Something that goes to destinations: an image that was assembled, an index of several, or what already is somewhere.
enum Deliverable {
  case image(AssembledImage)
  case index(AssembledIndex)
  case content(Descriptor, any ContentStore)

  var root: Descriptor {
    switch self {
    case .image(let image): image.descriptor
    case .index(let index): index.descriptor
    case .content(let root, _): root
    }
  }

  func content(concurrency: Int = 3) -> any ContentStore {
    switch self {
    case .image(let image): image.content(concurrency: concurrency)
    case .index(let index): index.content(concurrency: concurrency)
    case .content(_, let store): store
    }
  }

  /// The images with a description.
  var images: [AssembledImage] {
    switch self {
    case .image(let image): [image]
    case .index(let index): index.images
    case .content: []
    }
  }

  /// Repositories whose blobs a destination on the same registry can link.
  var mountSources: [ImageReference] {
    images.compactMap { image in
      guard let name = image.base?.name, case .registry(let reference) = try? Location(name) else { return nil }
      return reference
    }
  }
}

/// What became of one destination.
struct Delivered: Sendable {
  var name: String
  var report: CopyReport
}

/// Brings things to their destinations, one after the other; when one fails, those before it have the image.
struct Delivery {
  let client: RegistryClient
  let progress: ProgressPrinter
  /// Whether stores get the tag that is named after the content, too.
  var tagsContent = false

  func deliver(_ thing: Deliverable, to groups: [Destination.Group]) async throws -> [Delivered] {
    var done: [Delivered] = []
    for group in groups {
      do {
        let report = try await deliver(thing, to: group)
        Console.note(Output.summary(of: report, group.name))
        done.append(Delivered(name: group.name, report: report))
      } catch {
        for place in done { Console.remark("\(place.name) has the image; \(group.name) does not") }
        throw error
      }
    }
    return done
  }

  private func deliver(_ thing: Deliverable, to group: Destination.Group) async throws -> CopyReport {
    switch group.place {
    case .store(let location):
      let tags = tags(of: thing, group.names)
      let store = try location.store(client)
      // An archive is written blob by blob, and in one order if they are read so.
      let options = CopyOptions(concurrency: store is ImageArchive ? 1 : 3)
      return try await copy(thing.root, from: thing.content(), to: store, tags: tags, options: options) { event in
        progress.report(event, to: location)
      }
    case .archive(let form, let path):
      let export = try await ArchiveExport(
        thing.root, in: thing.content(concurrency: 1), form: form, names: group.names)
      try await export.write(to: path) { written(group.name, $0, of: export.size) }
      let blobs = try await thing.content().manifest(thing.root).manifest.children
      return CopyReport(copied: blobs, movedTags: group.names)
    case .daemon(let kind):
      return try await load(thing, into: try ContainerDaemon.standard(kind, environment: Environment.variable), group)
    }
  }

  /// A daemon that has the image under all its names is sent nothing.
  private func load(
    _ thing: Deliverable, into daemon: ContainerDaemon, _ group: Destination.Group
  ) async throws -> CopyReport {
    guard case .manifest(let manifest) = try await thing.content().manifest(thing.root).manifest else {
      throw OCIError(.invalidDocument, "a daemon takes one image, not an index; choose the one for its platform")
    }
    var known = 0
    for name in group.names where try await daemon.imageID(of: name) == manifest.config.digest { known += 1 }
    if known == group.names.count, known > 0 { return CopyReport(skipped: manifest.blobs, unchangedTags: group.names) }
    let export = try await ArchiveExport(
      thing.root, in: thing.content(concurrency: 1), form: .docker, names: group.names)
    try await daemon.load(size: export.size, from: export.source) { written(group.name, $0, of: export.size) }
    return CopyReport(copied: manifest.blobs, movedTags: group.names)
  }

  private func written(_ name: String, _ bytes: Int64, of size: Int64) {
    progress.wrote(bytes, of: size)
  }

  func plan(_ thing: Deliverable, _ groups: [Destination.Group]) async throws -> [(name: String, plan: CopyPlan)] {
    var plans: [(name: String, plan: CopyPlan)] = []
    for group in groups {
      guard case .store(let location) = group.place else {
        throw OCIError(
          .invalidReference,
          "\(group.name) cannot be asked what it has; --dry-run is for registries, layouts and OCI archives")
      }
      plans.append(
        (
          group.name,
          try await planCopy(
            thing.root, from: thing.content(), to: try location.store(client), tags: tags(of: thing, group.names))
        ))
    }
    return plans
  }

  private func tags(of thing: Deliverable, _ names: [String]) -> [String] {
    let own = ContentTag.text(for: thing.root.digest)
    return tagsContent && !names.contains(own) ? [own] + names : names
  }
}

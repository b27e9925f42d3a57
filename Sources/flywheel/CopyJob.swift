import ImageAssembly
import OCICore
import Registry

/// One source and one place of `flywheel copy`, with the tags that it gets there: several are one copy, and one request where
/// the registry sets many at once.
struct CopyJob: Sendable {
  struct Options: Sendable {
    var platform: Platform?
    var copiesReferrers: Bool
    var concurrency: Int
    var includesForeignLayers: Bool
    var isDryRun: Bool
  }

  /// What became of it.
  struct Outcome: Sendable {
    var job: CopyJob
    var root: Descriptor?
    var report: CopyReport?
    var plan: CopyPlan?
    var failure: (any Error)?
  }

  let source: Location
  /// The place; with its tag or digest where it has but one.
  private(set) var destination: Location
  private(set) var tags: [String]
  let options: Options

  init(source: Location, destination: Location, options: Options) {
    self.source = source
    self.destination = destination
    self.options = options
    tags = [destination.tag ?? (destination.name == nil && !destination.isDirectory ? source.tag : nil)].compactMap {
      $0
    }
  }

  /// Takes over another's tags, if it copies the same to the same place.
  mutating func merge(_ other: CopyJob) -> Bool {
    guard source == other.source, destination.withoutName == other.destination.withoutName, !tags.isEmpty,
      !other.tags.isEmpty, !destination.isPinned, !other.destination.isPinned
    else { return false }
    destination = destination.withoutName
    tags += other.tags.filter { !tags.contains($0) }
    return true
  }

  /// Copies, or plans to. A failure is part of the outcome, so that it does not stop the others.
  func outcome(_ client: RegistryClient, _ progress: ProgressPrinter) async -> Outcome {
    var outcome = Outcome(job: self)
    do {
      let from = try source.store(client)
      let to = try destination.store(client)
      let root = try await source.root(in: from, platform: options.platform)
      outcome.root = root
      if case .digest(let digest) = destination.name, digest != root.digest {
        throw OCIError(
          .digestMismatch, "\(source) is \(root.digest), but the destination asks for \(digest); leave the digest out")
      }
      if destination.isDirectory, options.copiesReferrers {
        throw OCIError(
          .invalidReference, "\(destination) takes one image and nothing that is about it; leave out --referrers")
      }
      let copying = CopyOptions(
        // An archive is written blob by blob, and in one order if they are read so.
        concurrency: to is ImageArchive ? 1 : options.concurrency, referrers: options.copiesReferrers ? from : nil,
        includesForeignLayers: options.includesForeignLayers)
      if options.isDryRun {
        outcome.plan = try await planCopy(root, from: from, to: to, tags: tags, options: copying)
      } else {
        outcome.report = try await copy(root, from: from, to: to, tags: tags, options: copying) { event in
          progress.report(event, to: destination)
        }
      }
    } catch {
      outcome.failure = error
      progress.failed(self, error)
    }
    return outcome
  }
}

/// A store that lists what it has.
protocol IndexedStore: TagStore {
  func index() async throws -> ImageIndex?
}

extension ImageLayoutStore: IndexedStore {}

extension ImageArchive: IndexedStore {}

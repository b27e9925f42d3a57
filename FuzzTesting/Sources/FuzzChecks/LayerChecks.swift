import Foundation
import OCICore
import Synchronization
import SystemPackage
import Tarball

/// Waits for what a task does; a fuzzer's loop is no task.
func wait<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) throws -> Result {
  let result = Mutex<Swift.Result<Result, any Error>?>(nil)
  let done = DispatchSemaphore(value: 0)
  Task {
    let outcome: Swift.Result<Result, any Error>
    do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
    result.withLock { $0 = outcome }
    done.signal()
  }
  done.wait()
  guard let outcome = result.withLock({ $0 }) else { throw FuzzTarget.Violation(description: "a task gave nothing") }
  return try outcome.get()
}

extension FuzzTarget {
  /// An archive is listed within its limits or refused; what is listed can be written as mtree and read back, and put over a
  /// tree or refused.
  func checkArchive(_ input: [UInt8]) throws -> Bool {
    let limits = ArchiveLimits(memberCount: 200, metadataLength: 4096, contentSize: 4 << 20, expansionRatio: 100)
    let listing: LayerListing
    do {
      listing = try wait { try await Archive(BlobSource(input), limits: limits).listing() }
    } catch is TarballError {
      return false
    }
    try require(listing.entries.count <= limits.memberCount, "no more members than allowed")
    let size = listing.entries.reduce(0) { $0 + ($1.digest == nil ? 0 : $1.size ?? 0) }
    try require(size <= limits.contentSize, "no more content than allowed")
    try require(listing.entries.allSatisfy { $0.path.count <= limits.metadataLength }, "no longer names than allowed")
    try checkTree(listing)
    try checkSource(input, limits)
    return true
  }

  /// As a source, an archive gives a layer or is refused; that layer as a source gives itself.
  private func checkSource(_ input: [UInt8], _ limits: ArchiveLimits) throws {
    func layer(of archive: [UInt8]) throws -> [UInt8]? {
      let token = String(UInt64.random(in: .min ... .max), radix: 36)
      let path = FilePath("/tmp/flywheel-fuzz-\(token)")
      let file = try FileDescriptor.open(path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
      defer { try? FileManager.default.removeItem(atPath: path.string) }
      try file.closeAfter { _ = try file.writeAll(archive) }
      var options = ArchiveReadOptions.keepingEverything
      options.limits = limits
      let recipe = LayerRecipe([.init(archive: path, options: options)])
      do {
        return try wait { try await recipe.source(encoding: .none).open().collect(upTo: 64 << 20) }
      } catch is TarballError {
        return nil
      }
    }
    guard let first = try layer(of: input) else { return }
    guard let second = try layer(of: first) else { throw Violation(description: "a layer is a source") }
    try require(first == second, "a layer as a source gives itself")
  }

  /// A listing that is read can be written and read back, and compared with itself.
  func checkMtree(_ input: [UInt8]) throws -> Bool {
    guard let listing = try? LayerListing(parsingMtree: input) else { return false }
    let again: LayerListing
    do { again = try LayerListing(parsingMtree: listing.mtree()) } catch {
      throw Violation(description: "what is written is read: \(error)")
    }
    try require(again.changes(since: listing).isEmpty, "what is written is what was read")
    try checkTree(listing)
    return true
  }

  private func checkTree(_ listing: LayerListing) throws {
    var tree = MergedTree()
    do {
      try tree.apply(listing)
      try tree.apply(listing)
    } catch {
      return
    }
    let paths = tree.entries.map(\.listing.path)
    try require(Set(paths).count == paths.count, "a path is in a tree once")
    try require(
      !paths.contains { $0.split(separator: UInt8(ascii: "/")).contains(Array("..".utf8)[...]) }, "no path leads out")
    var again = MergedTree()
    try again.apply(tree.listing)
    try require(again.listing.changes(since: tree.listing).isEmpty, "a tree as a layer gives the tree")
  }
}

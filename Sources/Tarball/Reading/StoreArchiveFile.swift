internal import OCICore

/// The archive of a store path, to be read twice: once for what is in it, once for the contents. What is small is held in
/// memory in between, the rest is fetched again. Used on one thread.
final class StoreArchiveFile {
  let archive: StoreArchive
  private let room: HoldingRoom
  private let cancellation: ReadingCancellation
  private let isCancelled: () -> Bool
  /// What was held, and how much of the room it takes.
  private var held: (form: Form, chunks: [[UInt8]], room: Int)?

  private enum Form { case plain, compressed }

  init(
    _ archive: StoreArchive, room: HoldingRoom, cancellation: ReadingCancellation, isCancelled: @escaping () -> Bool
  ) {
    self.archive = archive
    self.room = room
    self.cancellation = cancellation
    self.isCancelled = isCancelled
  }

  deinit { release() }

  /// Lets go of what is held.
  func release() {
    room.give(held?.room ?? 0)
    held = nil
  }

  /// Begins to read.
  func begin() throws -> NarReader {
    if let held, held.form == .plain {
      // Compared when it was read first.
      var rest = held.chunks[...]
      return reader { rest.popFirst() ?? [] }
    }
    if let held { return try read(ArchiveInput(chunks: held.chunks), isHeld: true) }
    return try read(ArchiveInput(.source(archive.source), cancellation), isHeld: false)
  }

  private func reader(_ pull: @escaping () throws -> [UInt8]) -> NarReader {
    let limits = ArchiveLimits(contentSize: archive.size)
    return NarReader(
      limits: limits,
      isCancelled: { [cancellation, isCancelled] in
        cancellation.isCancelled || isCancelled()
      }, pull)
  }

  private func read(_ input: ArchiveInput, isHeld: Bool) throws -> NarReader {
    let recorder = isHeld ? nil : Recorder(limit: room.free)
    let holdsPlain = archive.size <= Int64(room.free)
    if !holdsPlain { input.onChunk = { recorder?.append($0) } }
    let uncompressed = try uncompressed(input)
    let bytes = try NarBytes(archive) { [weak self] in
      if let self, let recorder { hold(recorder, holdsPlain ? .plain : .compressed) }
    } _: {
      let chunk = try uncompressed()
      if holdsPlain { recorder?.append(chunk) }
      return chunk
    }
    return reader { try bytes.next() }
  }

  private func uncompressed(_ input: ArchiveInput) throws -> () throws -> [UInt8] {
    if try input.begins(with: NarReader.magic) { return { try input.next() } }
    // How far it may expand follows from the size that was announced.
    let limits = ArchiveLimits(contentSize: .max, expansionRatio: .max)
    let reader = try ArchiveReader(input, limits: limits, contents: .bytes, isCancelled: isCancelled)
    guard try reader.next() != nil else { return { [] } }
    return {
      var chunk: [UInt8] = []
      _ = try reader.nextChunk { chunk = [UInt8](copying: $0) }
      return chunk
    }
  }

  private func hold(_ recorder: Recorder, _ form: Form) {
    guard held == nil, let chunks = recorder.chunks, room.take(recorder.count) else { return }
    held = (form, chunks, recorder.count)
  }

  /// Errors say what was read and where it comes from.
  func named<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as TarballError {
      switch error.code {
      // Whatever is wrong with it, it is not what was announced.
      case .invalidArchive, .limitExceeded, .damaged:
        throw TarballError(
          .damaged,
          "'\(archive.path)' from the \(archive.origin) is not what it should be: \(error.message); have it uploaded again, or leave that cache out"
        )
      default: throw error
      }
    }
  }
}

/// How much of archives is held in memory by one walk, whose archives share it.
final class HoldingRoom {
  /// How many bytes more may be held.
  private(set) var free: Int

  init(_ free: Int = 32 << 20) { self.free = free }

  func take(_ count: Int) -> Bool {
    guard count <= free else { return false }
    free -= count
    return true
  }

  func give(_ count: Int) { free += count }
}

/// Keeps what passes as long as it is not too much.
private final class Recorder {
  private(set) var chunks: [[UInt8]]? = []
  private(set) var count = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  func append(_ chunk: [UInt8]) {
    guard chunks != nil, !chunk.isEmpty else { return }
    count += chunk.count
    if count <= limit { chunks?.append(chunk) } else { chunks = nil }
  }
}

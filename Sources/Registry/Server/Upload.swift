internal import OCICore
internal import Synchronization
internal import SystemPackage

/// An upload session: a file that grows, and its running digest. Its calls block.
final class Upload: Sendable {
  private struct State: ~Copyable {
    var digester = Digester(.sha256)
    var isBusy = false
    var requests = 0
  }

  let path: FilePath
  private let file: OpenFile
  private let state = Mutex(State())

  init(_ path: FilePath) throws {
    self.path = path
    file = try OpenFile.creating(path)
  }

  /// How many bytes there are.
  var size: Int64 { state.withLock { $0.digester.count } }

  /// Takes the session for one request; two that write at once would mix their bytes.
  func begin() throws {
    let wasBusy = state.withLock { state in
      defer { state.isBusy = true }
      return state.isBusy
    }
    if wasBusy { throw Refusal(400, "BLOB_UPLOAD_INVALID", "another request is writing to this upload") }
  }

  /// Gives the session back.
  func end() { state.withLock { $0.isBusy = false } }

  /// How many requests have added bytes, with this one.
  func countRequest() -> Int {
    state.withLock { state in
      state.requests += 1
      return state.requests
    }
  }

  /// Adds bytes.
  func append(_ bytes: [UInt8]) throws {
    try file.write(bytes.span)
    state.withLock { $0.digester.update(bytes.span) }
  }

  /// The digest of all the bytes; no more may be added.
  func finish(_ function: Digest.HashFunction) throws -> Digest {
    if function == .sha256 {
      return state.withLock { state in
        var digester = Digester(.sha256)
        swap(&digester, &state.digester)
        return digester.finalize()
      }
    }
    // Rare, so not computed on the way.
    var digester = Digester(function)
    let file = try OpenFile.reading(path)
    while true {
      let bytes = try file.read(upTo: 1 << 20)
      if bytes.isEmpty { return digester.finalize() }
      digester.update(bytes.span)
    }
  }
}

internal import NIOCore
internal import OCICore
internal import Synchronization

/// Reads a file into buffers that are used again once the network has taken what was in them: for large blobs, fresh memory
/// for each piece costs as much as sending it.
final class FileBuffers: Sendable {
  private struct State {
    var buffers: [ByteBuffer]
    var next = 0
  }

  private let file: OpenFile
  private let size: Int
  private let state: Mutex<State>

  /// - Parameters:
  ///   - size: Of a buffer, in bytes.
  ///   - count: How many pieces are on their way at a time, at most, without new memory being taken.
  init(_ file: OpenFile, size: Int, count: Int = 24) {
    self.file = file
    self.size = size
    state = Mutex(State(buffers: Array(repeating: ByteBuffer(), count: count)))
  }

  /// The next bytes, at most `limit`; empty at the end. Blocks.
  func read(upTo limit: Int) throws -> ByteBuffer {
    try state.withLock { state in
      let slot = state.next
      state.next = (slot + 1) % state.buffers.count
      // Takes new memory only where somebody still holds the old.
      state.buffers[slot].clear(minimumCapacity: size)
      let limit = min(limit, size)
      try unsafe state.buffers[slot].writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { bytes in
        var count = 0
        while count < limit {
          let read = try unsafe file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[count..<limit]))
          if read == 0 { break }
          count += read
        }
        return count
      }
      return state.buffers[slot]
    }
  }
}

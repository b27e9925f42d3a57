internal import HostSystem
internal import OCICore
internal import Synchronization
internal import SystemPackage

/// Something on the host: its path, or where it is known, the open directory that it is in and its name there, which makes it
/// cheaper to reach. It may be open, from when it is visited until nobody refers to it any more.
final class HostFile: Sendable {
  /// The name in the directory, or the path; its last byte is NUL.
  let name: ArraySlice<UInt8>
  let directory: HostDirectory?
  private let descriptor = Atomic<Int32>(-1)

  private static let openCount = Atomic(0)
  /// A part of what the process may have open.
  private static let limit = Host.openFileLimit.map { min(256, $0 / 8) } ?? 32

  /// Whether so many are open that the next should be closed soon.
  static var areManyOpen: Bool { openCount.load(ordering: .relaxed) > limit }

  init(_ path: FilePath) {
    name = HostFileSystem.path(path)[...]
    directory = nil
  }

  /// - Parameter name: With its NUL.
  init(in directory: HostDirectory?, name: ArraySlice<UInt8>) {
    self.name = name
    self.directory = directory
  }

  deinit {
    guard let handle else { return }
    close(handle)
    Self.openCount.subtract(1, ordering: .relaxed)
  }

  /// The open file; `nil` when it is not open.
  var handle: Int32? {
    let handle = descriptor.load(ordering: .relaxed)
    return handle < 0 ? nil : handle
  }

  /// Takes an open file that nobody else closes; once, before others know this one.
  func keepOpen(_ handle: Int32) {
    let before = descriptor.exchange(handle, ordering: .relaxed)
    precondition(before < 0, "a file is opened once")
    Self.openCount.add(1, ordering: .relaxed)
  }

  /// The same file, but not open.
  func unopened() -> HostFile { HostFile(in: directory, name: name) }

  /// Bytes that end in NUL.
  var path: HostFileSystem.Path {
    guard let parent = directory?.path else { return Array(name) }
    var path: HostFileSystem.Path = []
    path.reserveCapacity(parent.count + name.count)
    path.append(contentsOf: parent.dropLast())
    if path.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
    path.append(contentsOf: name)
    return path
  }

  /// The path for people.
  var text: String { HostFileSystem.text(path) }
}

/// A directory of the host that is open for as long as somebody refers to it, so that what is in it can be reached by name
/// alone. Few of them are open at a time: where too many were, it is closed at once, and paths are used in its place.
final class HostDirectory: Sendable {
  let path: HostFileSystem.Path
  private let descriptor: Atomic<Int32>

  private static let openCount = Atomic(0)
  /// A part of what the process may have open.
  private static let limit = Host.openFileLimit.map { min(1024, $0 / 4) } ?? 64

  /// Opens a directory, never through a link that was put in its place.
  init(_ file: HostFile) throws(TarballError) {
    path = file.path
    descriptor = Atomic(try HostFileSystem.openDirectory(file))
    Self.openCount.add(1, ordering: .relaxed)
  }

  deinit { closeDescriptor() }

  /// The open directory; `nil` when it was closed for want of room.
  var handle: Int32? {
    let handle = descriptor.load(ordering: .relaxed)
    return handle < 0 ? nil : handle
  }

  /// Closes it if too many are open. Only for whoever has opened it, before others know it.
  func closeIfCrowded() {
    if Self.openCount.load(ordering: .relaxed) > Self.limit { closeDescriptor() }
  }

  private func closeDescriptor() {
    let handle = descriptor.exchange(-1, ordering: .relaxed)
    guard handle >= 0 else { return }
    close(handle)
    Self.openCount.subtract(1, ordering: .relaxed)
  }
}

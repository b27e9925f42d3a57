public import LayerGraph
internal import OCICore
public import SystemPackage
internal import Tarball

/// Recorded versions of one image or of several, for planning and for replays.
///
/// A file holds one version a line, oldest first, as it is or compressed with gzip, zstd or xz:
/// `{"time":SECONDS,"images":{NAME:[PATH,...]},"graph":[{"path":PATH,"narSize":BYTES,"references":[PATH,...]}]}`.
/// `images` may be left out where there is one image and it has all of the graph.
public struct ImageHistory: Sendable {
  /// The name of the image where a file names none.
  public static let defaultImage = "default"

  /// The versions of each image, oldest first.
  public private(set) var versions: [String: [ImageVersion]] = [:]

  /// A history of nothing.
  public init() {}

  /// Reads files, one after the other.
  /// - Throws: `AssemblyError`: `invalidHistory` naming file, line and field, `fileUnreadable`.
  public init(files: [FilePath]) async throws {
    for file in files {
      var reading = Reading(history: self, file: file)
      do {
        reading = try await Archive(file: file).reduceUncompressed(into: reading) { try $0.append($1) }
      } catch let error as TarballError {
        throw AssemblyError(
          error.code == .unreadable ? .fileUnreadable : .invalidHistory, "history: \(error.message)")
      }
      try reading.endLine()
      self = reading.history
    }
  }

  /// A file as it is read: what came before, and the line that is not yet complete.
  private struct Reading {
    var history: ImageHistory
    let file: FilePath
    var line: [UInt8] = []
    var lineNumber = 1

    mutating func append(_ chunk: Span<UInt8>) throws {
      for index in chunk.indices {
        if chunk[index] == UInt8(ascii: "\n") { try endLine() } else { line.append(chunk[index]) }
      }
    }

    mutating func endLine() throws {
      defer {
        line.removeAll(keepingCapacity: true)
        lineNumber += 1
      }
      guard !line.isEmpty else { return }
      func failure(_ message: String) -> AssemblyError {
        AssemblyError(.invalidHistory, "history '\(file)', line \(lineNumber): \(message)")
      }
      do {
        try history.append(line: line)
      } catch let error as OCIError {
        throw failure(error.message)
      } catch let error as LayerGraphError {
        throw failure(error.message)
      } catch let error as AssemblyError {
        throw failure(error.message)
      }
    }
  }

  /// The names of the images, sorted.
  public var images: [String] { versions.keys.sorted() }

  /// The versions of one image.
  /// - Parameter name: The image; `nil` for the only one.
  /// - Throws: `AssemblyError.Code.invalidHistory` when there is no such image, or several and none is named.
  public func versions(of name: String?) throws(AssemblyError) -> [ImageVersion] {
    guard let name else {
      guard versions.count <= 1 else {
        throw AssemblyError(
          .invalidHistory,
          "the history has \(versions.count) images, \(images.joined(separator: ", ")); name one of them")
      }
      return versions.first?.value ?? []
    }
    guard let found = versions[name] else {
      throw AssemblyError(
        .invalidHistory, "the history has no image '\(name)'; it has \(images.joined(separator: ", "))")
    }
    return found
  }

  /// Adds a version; it must not be older than the last one of its image.
  /// - Throws: `AssemblyError.Code.invalidHistory`.
  public mutating func append(_ version: ImageVersion, of image: String) throws(AssemblyError) {
    if let last = versions[image]?.last, version.time < last.time {
      throw AssemblyError(
        .invalidHistory,
        "version \((versions[image]?.count ?? 0) + 1) of image '\(image)' is from \(version.time), before the one before it, from \(last.time); "
          + "give the versions in order")
    }
    versions[image, default: []].append(version)
  }

  private mutating func append(line: [UInt8]) throws {
    var fields = try FieldReader(try JSON(parsing: line, valueLimit: .max), path: "version")
    let time = try fields.integer("time") ?? 0
    guard let graph = try fields.value("graph")?.arrayValue else { throw fields.error("graph", "must be a list") }
    var nodes: [String: StoreGraph.Node] = [:]
    var order: [String] = []
    for (index, element) in graph.enumerated() {
      var node = try FieldReader(element, path: "version.graph[\(index)]")
      guard let path = try node.string("path"), path.hasPrefix("/") else {
        throw node.error("path", "must be an absolute path")
      }
      guard let size = try node.integer("narSize") else { throw node.error("narSize", "is missing") }
      order.append(path)
      nodes[path] = StoreGraph.Node(path: path, size: size, references: try node.strings("references") ?? [])
    }
    guard let images = try fields.value("images")?.objectValue else {
      try append(
        ImageVersion(time: time, graph: try StoreGraph(order.compactMap { nodes[$0] })), of: Self.defaultImage)
      return
    }
    for (name, paths) in images.members {
      guard let list = paths.arrayValue else { throw fields.error("images", "'\(name)' must be a list") }
      let own = try list.map { element in
        guard let path = element.stringValue, let node = nodes[path] else {
          throw fields.error("images", "'\(name)' has \(element.stringValue ?? element.kind), which the graph has not")
        }
        return node
      }
      try append(ImageVersion(time: time, graph: try StoreGraph(own)), of: name)
    }
  }
}

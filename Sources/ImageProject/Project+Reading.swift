internal import ImageAssembly
internal import LayerGraph
internal import OCICore
public import SystemPackage
internal import Tarball

extension Project {
  /// The name that a project file has unless told otherwise.
  public static let fileName = "flywheel.yaml"

  /// Reads a project file, YAML or JSON. Everything that is wrong in it is found at once.
  /// - Returns: The project, and what can be done all the same but may not be what was meant.
  /// - Throws: `ProjectFaults`.
  public static func read(_ path: FilePath) throws(ProjectFaults) -> (project: Project, warnings: [ProjectError]) {
    let bytes: [UInt8]
    do { bytes = try FileSystem.contents(of: path, limit: 16 << 20) } catch {
      var fault = ProjectError("\(error.message)", place: nil, file: path)
      fault.isUnreadable = error.code != .limitExceeded
      throw ProjectFaults([fault])
    }
    let directory = path.removingLastComponent()
    return try read(bytes, file: path, directory: directory.isEmpty ? "." : directory)
  }

  /// Reads the text of a project file; see `read(_:)`.
  public static func read(
    _ bytes: [UInt8], file: FilePath, directory: FilePath
  ) throws(ProjectFaults) -> (project: Project, warnings: [ProjectError]) {
    var reader: ProjectReader
    do throws(ProjectError) {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw ProjectError("the file is no UTF-8; save it as UTF-8", place: nil)
      }
      reader = ProjectReader(try YAMLDocument(text, root: "project"), directory)
    } catch {
      var error = error
      error.file = file
      throw ProjectFaults([error])
    }
    reader.read()
    let all = reader.faults.map { fault in
      var fault = fault
      fault.file = file
      return fault
    }
    if all.contains(where: { !$0.isWarning }) { throw ProjectFaults(all) }
    return (reader.project, all)
  }
}

/// Everything that is wrong with a project file, in its order.
public struct ProjectFaults: Error, Sendable, CustomStringConvertible {
  /// The errors, and warnings among them.
  public let faults: [ProjectError]

  init(_ faults: [ProjectError]) { self.faults = faults }

  /// A line each.
  public var description: String { faults.map(\.description).joined(separator: "\n") }
}

public import SystemPackage

/// What is wrong with a project file, and where.
public struct ProjectError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong and what to do about it.
  public let message: String
  /// The file.
  public var file: FilePath?
  /// The line, from 1, where it is known.
  public let line: Int?
  /// The column, from 1.
  public let column: Int?
  /// Whether it can be done all the same.
  public var isWarning = false
  /// Whether the file itself is missing or may not be read.
  public var isUnreadable = false

  init(_ message: String, place: YAMLDocument.Place?, file: FilePath? = nil, isWarning: Bool = false) {
    self.message = message
    self.file = file
    line = place?.line
    column = place?.column
    self.isWarning = isWarning
  }

  /// `FILE:LINE:COLUMN: error: MESSAGE`, as editors and CI systems understand it.
  public var description: String {
    var place = file?.string ?? ""
    if let line, let column { place += ":\(line):\(column)" }
    return "\(place.isEmpty ? "" : place + ": ")\(isWarning ? "warning" : "error"): \(message)"
  }
}

extension ProjectError {
  /// Something about a file as a whole that can be done all the same.
  public init(warning message: String, file: FilePath) {
    self.init(message, place: nil, file: file, isWarning: true)
  }
}

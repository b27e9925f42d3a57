internal import OCICore
internal import SystemPackage

/// Host paths as a description has them: absolute ones as they are, others relative to its directory.
struct DescribedPaths {
  /// The description's directory.
  let directory: FilePath

  func written(_ path: FilePath) throws(AssemblyError) -> String {
    guard !path.isAbsolute else { return try text(path) }
    let here = FileSystem.workingDirectory
    let target = here.appending(path.components).lexicallyNormalized()
    let origin = (directory.isAbsolute ? directory : here.appending(directory.components)).lexicallyNormalized()
    let (ours, theirs) = (Array(target.components), Array(origin.components))
    let common = zip(ours, theirs).prefix { $0 == $1 }.count
    let up = Array(repeating: FilePath.Component(".."), count: theirs.count - common)
    let relative = FilePath(root: nil, up + ours[common...])
    return relative.isEmpty ? "." : try text(relative)
  }

  func read(_ text: String) -> FilePath {
    let path = FilePath(text)
    guard !path.isAbsolute, !directory.isEmpty else { return path }
    return directory.appending(path.components).lexicallyNormalized()
  }

  func text(_ path: FilePath) throws(AssemblyError) -> String {
    let text = path.string
    guard FilePath(text) == path else {
      throw AssemblyError(
        .invalidDescription, "'\(text)' is no UTF-8, so no description can hold it; rename it")
    }
    return text
  }

  func text(_ bytes: [UInt8]) throws(AssemblyError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw AssemblyError(
        .invalidDescription,
        "the link target '\(String(decoding: bytes, as: UTF8.self))' is no UTF-8, so no description can hold it")
    }
    return text
  }
}

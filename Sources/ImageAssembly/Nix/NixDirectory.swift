internal import OCICore
internal import SystemPackage

/// A manifest and blobs that lie in the store as files, put together to an image (`pullImageFromManifest`): a directory of links.
public struct NixDirectory: Sendable {
  private let output: FilePath
  private let manifest: FilePath
  private let blobs: [String: String]

  /// Reads what a derivation asks for.
  /// - Throws: `AssemblyError`: `invalidSettings`, naming the attribute.
  public init(_ attributes: NixAttributes) throws {
    output = attributes.output
    (manifest, blobs) = try attributes.read { fields in
      let manifest = try fields.required("manifest") { (fields, name) throws(OCIError) in try fields.path(name) }
      return (manifest, try fields.stringMap("blobs") ?? [:])
    }
  }

  /// Writes the directory: the output of the derivation.
  /// - Throws: `AssemblyError`, or `OCIError`: `invalidDocument`, `notFound`, `ioFailure`.
  public func write() async throws {
    try await IOExecutor.run {
      let bytes = try FileSystem.contents(of: manifest, limit: 4 << 20)
      let type = try JSON(parsing: bytes).objectValue?["mediaType"]?.stringValue.map { try MediaType($0) }
      guard case .manifest(let image) = try AnyManifest(parsing: bytes, as: type ?? .imageManifest) else {
        throw OCIError(.invalidDocument, "'\(manifest)' is an index; give the manifest for one platform")
      }
      _ = try FileSystem.createDirectories(output)
      try FileSystem.replace(output.appending("version"), with: Array("Directory Transport Version: 1.1\n".utf8))
      try FileSystem.replace(output.appending("manifest.json"), with: bytes)
      for blob in [image.config] + image.layers {
        guard let file = blobs[blob.digest.description] else {
          throw OCIError(.notFound, "the manifest has \(blob.digest), but no file was given for it")
        }
        try FileSystem.createSymbolicLink(output.appending(blob.digest.hex), to: file)
      }
    }
  }
}

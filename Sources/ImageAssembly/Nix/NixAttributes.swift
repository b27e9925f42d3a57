public import LayerGraph
internal import OCICore
public import SystemPackage

/// The attributes of a Nix derivation (`__structuredAttrs`), as Nix gives them to the builder in a file: what is to be made, where,
/// and the closures that were asked for with `exportReferencesGraph`.
public struct NixAttributes: Sendable {
  /// What the file is called in the directory in which a builder starts.
  public static let fileName: FilePath = ".attrs.json"

  /// Where the result goes: the store path of the output `out`.
  public let output: FilePath
  /// What is to be made: the attribute `flywheel`.
  let request: JSON
  /// The closure named `graph`, where one was asked for that has any path.
  public let graph: StoreGraph?
  /// The hashes of its paths.
  public let hashes: NarHashes
  let file: FilePath

  /// Reads the file.
  /// - Throws: `AssemblyError`: `fileUnreadable`, `invalidSettings`, `invalidClosure`.
  public init(file path: FilePath) throws(AssemblyError) {
    file = path
    let bytes: [UInt8]
    do { bytes = try FileSystem.contents(of: path) } catch {
      throw AssemblyError(.fileUnreadable, "derivation: \(error.message)")
    }
    do throws(OCIError) {
      var fields = try FieldReader(try JSON(parsing: bytes, valueLimit: .max), path: "derivation")
      var outputs = try FieldReader(try fields.value("outputs") ?? .null, path: "derivation.outputs")
      output = FilePath(try outputs.required("out") { (fields, name) throws(OCIError) in try fields.string(name) })
      request = try fields.value("flywheel") ?? .object([:])
      let list = try fields.list("graph") ?? []
      let document = JSON.array(list).canonicalBytes
      hashes = try NarHashes(nixJSON: document)
      do throws(AssemblyError) {
        graph = list.isEmpty ? nil : try StoreGraph(nixJSON: document, name: path.string)
      } catch {
        throw OCIError(.invalidDocument, error.message)
      }
    } catch {
      throw AssemblyError(.invalidSettings, "derivation '\(path)': \(error.message)")
    }
  }

  /// Reads the request; errors name the file.
  func read<Result>(_ body: (inout FieldReader) throws -> Result) throws -> Result {
    do {
      var fields = try FieldReader(request, path: "flywheel")
      let result = try body(&fields)
      try fields.requireNothingElse()
      return result
    } catch let error as OCIError where error.code == .invalidDocument {
      throw AssemblyError(.invalidSettings, "derivation '\(file)': \(error.message)")
    }
  }
}

extension FieldReader {
  /// Paths of the host; none where the field is absent.
  mutating func paths(_ field: String) throws(OCIError) -> [FilePath] {
    try (strings(field) ?? []).map { FilePath($0) }
  }

  mutating func path(_ field: String) throws(OCIError) -> FilePath? { try string(field).map { FilePath($0) } }
}

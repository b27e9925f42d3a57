public import LayerGraph
internal import OCICore
public import SystemPackage

extension PlanningConstraints {
  /// Reads constraints: an object with any of `pinned` and `apart`, lists of lists of store paths, `ignored`, a list
  /// of store paths, `minimumLayerBytes` and `baseLayers`.
  /// - Throws: `AssemblyError`: `invalidPlan` naming the field, `fileUnreadable`.
  public init(jsonFile path: FilePath) throws(AssemblyError) {
    let bytes: [UInt8]
    do { bytes = try FileSystem.contents(of: path) } catch {
      throw AssemblyError(.fileUnreadable, "constraints: \(error.message)")
    }
    do throws(OCIError) { try self.init(JSON(parsing: bytes)) } catch {
      throw AssemblyError(.invalidPlan, "constraints '\(path)': \(error.message)")
    }
  }

  private init(_ json: JSON) throws(OCIError) {
    self.init()
    var fields = try FieldReader(json, path: "constraints")
    pinned = try Self.groups("pinned", &fields)
    apart = try Self.groups("apart", &fields)
    ignored = Set(try fields.strings("ignored") ?? [])
    minimumLayerBytes = try fields.integer("minimumLayerBytes") ?? 0
    baseLayers = Int(clamping: try fields.integer("baseLayers") ?? 0)
    let known: Set<String> = ["pinned", "apart", "ignored", "minimumLayerBytes", "baseLayers"]
    if let unknown = json.objectValue?.members.first(where: { !known.contains($0.name) }) {
      throw fields.error(unknown.name, "is not known; there are \(known.sorted().joined(separator: ", "))")
    }
  }

  private static func groups(_ name: String, _ fields: inout FieldReader) throws(OCIError) -> [[String]] {
    guard let value = try fields.value(name) else { return [] }
    guard let list = value.arrayValue else { throw fields.error(name, "must be a list, but it is \(value.kind)") }
    var groups: [[String]] = []
    for (index, group) in list.enumerated() {
      var paths: [String] = []
      for element in group.arrayValue ?? [.null] {
        guard let path = element.stringValue else {
          throw fields.error("\(name)[\(index)]", "must be a list of store paths")
        }
        paths.append(path)
      }
      groups.append(paths)
    }
    return groups
  }
}

internal import LayerGraph
internal import OCICore
internal import SystemPackage
internal import Tarball

/// What a derivation asks of a group of layers.
struct NixLayerRequest {
  /// The store paths whose closures go in at their own places, and those that go to the root.
  var dependencies: [String] = []
  var roots: [String] = []
  /// Paths that are in the closure and not in the image.
  var ignored: Set<String> = []
  var permissions: NixPermissions
  var exclusions: [PathPattern] = []
  /// The groups below, as their derivations wrote them, and the image below all.
  var below: [FilePath] = []
  var base: FilePath?
  var maximumLayers: Int?
  /// Whether it is what an image has beside the groups that were made before: then it may have all the layers that are left.
  var isTop = false
  var strategy: (any PlanningStrategy)?
  var previous: FilePath?
  var versions: [FilePath] = []
  /// The image in these versions, where they have several.
  var image: String?
  var constraints: FilePath?
  var encoding = LayerEncoding.standard
  var history: ImageConfiguration.History?
  /// Whether the layers' bytes are kept, and not made again.
  var keepsBlobs = false
  /// The database of Nix inside the image, and who owns it: a layer of its own.
  var database: (path: FilePath, uid: Int64, gid: Int64)?
  var cache: FilePath?
  /// Whether everything is as nix2container does it, to the byte.
  var isCompatible = false

  init(_ fields: inout FieldReader) throws {
    dependencies = try fields.strings("deps") ?? []
    roots = try fields.strings("copyToRoot") ?? []
    ignored = Set(try fields.strings("ignore") ?? [])
    permissions = try NixPermissions(try fields.list("perms") ?? [], "flywheel.perms")
    for text in try fields.strings("exclude") ?? [] { exclusions.append(try PathPattern(text)) }
    below = try fields.paths("below")
    base = try fields.path("fromImage")
    maximumLayers = try fields.integer("maxLayers").map { Int(clamping: $0) }
    if let maximumLayers, maximumLayers < 1 { throw fields.error("maxLayers", "must be at least 1") }
    isTop = try fields.bool("isTop") ?? false
    if let name = try fields.string("strategy") {
      guard let known = PlanningStrategies.named(name) else {
        let names = PlanningStrategies.all.map(\.name).joined(separator: ", ")
        throw fields.error("strategy", "is '\(name)'; there are \(names)")
      }
      strategy = known
    }
    previous = try fields.path("previousPlan")
    versions = try fields.paths("history")
    image = try fields.string("historyImage")
    constraints = try fields.path("constraints")
    if let text = try fields.string("compression") {
      do { encoding = try LayerEncoding(parsing: text) } catch { throw fields.error("compression", error.message) }
    }
    history = try fields.value("metadata").map {
      try ImageConfiguration.History($0, path: "flywheel.metadata")
    }
    keepsBlobs = try fields.bool("reproducible").map { !$0 } ?? false
    if let database = try fields.value("nixDatabase") {
      var owner = try FieldReader(database, path: "flywheel.nixDatabase")
      let path = try owner.required("path") { (fields, name) throws(OCIError) in try fields.string(name) }
      self.database = (FilePath(path), try owner.integer("uid") ?? 0, try owner.integer("gid") ?? 0)
    }
    cache = try fields.path("cache")
    isCompatible = try fields.bool("compatible") ?? false
    if isCompatible { try refuseWhatNix2containerLacks(fields) }
  }

  /// Its layers follow from its own rules alone.
  private func refuseWhatNix2containerLacks(_ fields: FieldReader) throws(OCIError) {
    let given = [
      ("exclude", !exclusions.isEmpty), ("strategy", strategy != nil), ("previousPlan", previous != nil),
      ("history", !versions.isEmpty), ("constraints", constraints != nil),
    ]
    for (name, isGiven) in given where isGiven {
      throw fields.error(name, "is nothing that nix2container has; take it out, or 'compatible = true'")
    }
  }
}

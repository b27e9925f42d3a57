import ArgumentParser
import ImageAssembly
import OCICore
import SystemPackage
import Tarball

/// Layers of files that are no store paths.
struct SourceOptions: ParsableArguments {
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Put a file or a tree at a path in the image; repeat it.", valueName: "/path=host"))
  var file: [String] = []

  @Option(
    help: ArgumentHelp(
      "Files by their path in the image, as JSON: {\"/app/build\": TREE, \"/app/package.json\": FILE}, or with metadata, links and directories.",
      valueName: "file"), completion: .file())
  var fileMap: [String] = []

  @Option(
    help: ArgumentHelp(
      "A layer of an archive's members (tar, zip, cpio, 7z, any compression), written anew; repeat it.",
      valueName: "file[:/path]"))
  var archive: [String] = []

  @Option(
    help: ArgumentHelp("A layer of a tar as it is, byte for byte; repeat it.", valueName: "file"), completion: .file())
  var layerTar: [String] = []

  @Flag(help: "Keep owners, times, attributes and devices of archives.")
  var keepArchiveMetadata = false

  @Option(help: ArgumentHelp("Leave out paths of the image that match; repeat it.", valueName: "pattern"))
  var exclude: [String] = []

  @Option(
    help: ArgumentHelp("Owner of what matches, and of everything in it; repeat it.", valueName: "pattern=uid:gid"))
  var chown: [String] = []

  @Option(help: ArgumentHelp("Mode of what matches, in octal; repeat it.", valueName: "pattern=mode"))
  var chmod: [String] = []

  @Option(
    help: ArgumentHelp(
      "Capabilities of a file, e.g. /bin/caddy=cap_net_bind_service=ep; repeat it.", valueName: "pattern=text"))
  var setcap: [String] = []

  @Flag(help: "Keep the modes of files as they are, instead of 0755 and 0644.")
  var keepModes = false

  @Flag(help: "Take symbolic links in trees for what they lead to.")
  var followLinks = false

  @Option(help: ArgumentHelp("Hide what lower layers have at a path; repeat it.", valueName: "/path"))
  var remove: [String] = []

  @Option(
    help: ArgumentHelp(
      "A user for /etc/passwd, NAME:UID[:GID[:HOME[:SHELL]]], root or nobody; repeat it.", valueName: "user"))
  var account: [String] = []

  @Option(
    help: ArgumentHelp("A bundle of certificate authorities, put where programs look for it.", valueName: "file"),
    completion: .file())
  var caBundle: String?

  @Option(help: ArgumentHelp("A variable of /etc/os-release; repeat it.", valueName: "name=value"))
  var osRelease: [String] = []

  @Flag(help: "Write /etc/nsswitch.conf.")
  var nsswitch = false

  @Flag(help: "Make /tmp and /var/tmp, with the sticky bit.")
  var tmp = false

  @Flag(help: "Make the directories that systems have, /tmp among them.")
  var skeleton = false

  func validate() throws {
    for text in file { _ = try Self.pair(text, "--file") }
    for text in osRelease { _ = try Self.pair(text, "--os-release") }
    for text in archive where text.isEmpty || text.hasPrefix(":") {
      throw ValidationError("--archive '\(text)' names no file; write FILE or FILE:/PATH")
    }
    for text in fileMap + layerTar where text.isEmpty {
      throw ValidationError("--file-map and --layer-tar need a file's name")
    }
  }

  /// Whether anything is asked for.
  var isGiven: Bool {
    !(file + fileMap + archive + layerTar + remove + account + osRelease).isEmpty || caBundle != nil || nsswitch || tmp
      || skeleton
  }

  private static func pair(_ text: String, _ option: String, _ form: String = "name=value") throws -> (String, String) {
    guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
      throw ValidationError("\(option) '\(text)' must be \(form)")
    }
    return (String(text[..<equals]), String(text[text.index(after: equals)...]))
  }

  /// The layers, from the bottom up: tars, archives, then one of all files.
  func layers(sourceDateEpoch: Int64?) throws -> [LayerContent] {
    var metadata = MetadataPolicy.normalized
    metadata.modificationTime = sourceDateEpoch ?? 1
    if keepModes { metadata.modes = .asTheyAre }
    var layers = try layerTar.map { try Self.verbatim(FilePath($0)) }
    for text in archive {
      let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
      let options = keepArchiveMetadata ? ArchiveReadOptions.keepingEverything : .init()
      var recipe = LayerRecipe(
        [.init(archive: FilePath(parts[0]), at: FilePath(parts.count > 1 ? parts[1] : "/"), options: options)],
        metadata: metadata)
      // An archive says what its modes are.
      recipe.metadata.modes = .asTheyAre
      layers.append(LayerContent(try changed(recipe, isRequired: false)))
    }
    if let recipe = try files(metadata) { layers.append(LayerContent(recipe)) }
    return layers
  }

  /// As it is where registries and runtimes take its compression, else compressed anew.
  private static func verbatim(_ path: FilePath) throws -> LayerContent {
    let file: OpenFile
    do { file = try OpenFile.reading(path) } catch {
      throw AssemblyError(.fileUnreadable, "--layer-tar: \(error.message)")
    }
    let magic = try file.read(upTo: 6)
    if magic.starts(with: [0x1f, 0x8b]) { return LayerContent(blob: path, type: .layerTarGzip) }
    if magic.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) { return LayerContent(blob: path, type: .layerTarZstd) }
    return LayerContent(LayerRecipe(verbatimTar: path))
  }

  private func files(_ metadata: MetadataPolicy) throws -> LayerRecipe? {
    var parts: [LayerRecipe] = []
    for path in fileMap { parts.append(try FileMap(jsonFile: FilePath(path), metadata: metadata).recipe()) }
    var map = FileMap(metadata: metadata)
    map.followsLinks = followLinks
    for text in file {
      let (path, host) = try Self.pair(text, "--file")
      map.add(FilePath(host), at: FilePath(path))
    }
    if !file.isEmpty { parts.append(try map.recipe()) }
    if !account.isEmpty { parts.append(try SystemFiles.accounts(account.map { try .init(parsing: $0) })) }
    if let caBundle { parts.append(SystemFiles.certificates(FilePath(caBundle))) }
    if !osRelease.isEmpty {
      parts.append(try SystemFiles.osRelease(osRelease.map { try Self.pair($0, "--os-release") }))
    }
    if nsswitch { parts.append(SystemFiles.nameServices) }
    if skeleton { parts.append(SystemFiles.skeleton) } else if tmp { parts.append(SystemFiles.temporaryDirectories) }
    if !remove.isEmpty { parts.append(LayerRecipe([]).hiding(remove.map { FilePath($0) })) }
    guard var recipe = parts.first else { return nil }
    for part in parts.dropFirst() { recipe = recipe.merged(with: part) }
    recipe.metadata = metadata
    return try changed(recipe, isRequired: true)
  }

  /// - Parameter isRequired: Whether a pattern that matches nothing is a mistake.
  private func changed(_ original: LayerRecipe, isRequired: Bool) throws -> LayerRecipe {
    var recipe = original
    if !exclude.isEmpty { recipe = recipe.excluding(try exclude.map { try PathPattern($0) }) }
    let isRequired = isRequired && archive.isEmpty
    for text in chown {
      let (pattern, owner) = try Self.pair(text, "--chown", "pattern=uid:gid")
      let parts = owner.split(separator: ":", omittingEmptySubsequences: false)
      let numbers = parts.compactMap { Int64($0) }.filter { $0 >= 0 }
      guard let uid = numbers.first, numbers.count == parts.count, numbers.count <= 2 else {
        throw ValidationError("--chown '\(text)' must be pattern=uid:gid")
      }
      recipe = try recipe.changing(
        PathPattern(pattern), .owner(uid, numbers.last ?? uid), isRecursive: true, isRequired: isRequired)
    }
    for text in chmod {
      let (pattern, digits) = try Self.pair(text, "--chmod", "pattern=mode")
      guard let mode = UInt32(digits, radix: 8), mode < 1 << 12 else {
        throw ValidationError("--chmod '\(text)' must be pattern=mode, the mode in octal")
      }
      recipe = try recipe.changing(PathPattern(pattern), .mode(mode), isRequired: isRequired)
    }
    for text in setcap {
      let (pattern, capabilities) = try Self.pair(text, "--setcap", "pattern=text")
      let value = try ExtendedAttribute.fileCapabilities(capabilities)
      recipe = try recipe.changing(
        PathPattern(pattern), MetadataChange(extendedAttributes: [ExtendedAttribute.capabilityName: value]),
        isRequired: isRequired)
    }
    return recipe
  }
}

public import OCICore

/// Checks an image against the rules of the image-spec, from its bytes and independently of the types that wrote them.
public struct ImageSpecCheck: Sendable {
  /// The rules that the image breaks, as sentences; empty for a valid image.
  public private(set) var violations: [String] = []

  /// Reads manifest and configuration from a store and looks at every rule; every blob is read and verified.
  public static func violations(of descriptor: Descriptor, in store: some ContentStore) async throws -> [String] {
    var check = ImageSpecCheck()
    let manifestBytes = try await store.fetch(descriptor).collect(upTo: 4 << 20)
    let manifest = try JSON(parsing: manifestBytes)
    check.checkManifest(manifest, as: descriptor)
    guard check.violations.isEmpty else { return check.violations }
    let typed = try ImageManifest(parsing: manifestBytes)
    let configuration = try JSON(parsing: try await store.fetch(typed.config).collect(upTo: 4 << 20))
    check.checkConfiguration(configuration, layerCount: typed.layers.count)
    for layer in typed.layers {
      // The stream fails where digest or size are not those announced.
      for try await _ in try await store.fetch(layer) {}
    }
    return check.violations
  }

  private mutating func require(_ isKept: Bool, _ rule: String) {
    if !isKept { violations.append(rule) }
  }

  // MARK: manifest.md

  private mutating func checkManifest(_ json: JSON, as descriptor: Descriptor) {
    let manifest = json.objectValue ?? JSON.Object()
    require(manifest["schemaVersion"] == .number("2"), "manifest: schemaVersion must be 2")
    require(manifest["mediaType"]?.stringValue == descriptor.mediaType.text, "manifest: mediaType must be its own")
    checkDescriptor(manifest["config"], "config", allowed: [MediaType.imageConfiguration.text])
    let layers = manifest["layers"]?.arrayValue ?? []
    require(!layers.isEmpty, "manifest: there should be a layer")
    for (index, layer) in layers.enumerated() {
      checkDescriptor(
        layer, "layers[\(index)]",
        allowed: [
          "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip",
          "application/vnd.oci.image.layer.v1.tar+zstd",
        ])
    }
    checkAnnotations(manifest["annotations"], "manifest")
  }

  // descriptor.md

  private mutating func checkDescriptor(_ json: JSON?, _ name: String, allowed: [String]) {
    let descriptor = json?.objectValue ?? JSON.Object()
    require(allowed.contains(descriptor["mediaType"]?.stringValue ?? ""), "\(name): mediaType is none of \(allowed)")
    let digest = descriptor["digest"]?.stringValue ?? ""
    let hex = digest.dropFirst(7)
    require(
      digest.hasPrefix("sha256:") && hex.count == 64 && hex.allSatisfy { "0123456789abcdef".contains($0) },
      "\(name): digest must be sha256: and 64 lower-case hexadecimal digits")
    require((descriptor["size"]?.integerValue ?? -1) >= 0, "\(name): size must be a number of bytes")
    checkAnnotations(descriptor["annotations"], name)
  }

  // annotations.md

  private mutating func checkAnnotations(_ json: JSON?, _ name: String) {
    guard let json else { return }
    let members = json.objectValue?.members
    require(
      members?.allSatisfy { !$0.name.isEmpty && $0.value.stringValue != nil } == true,
      "\(name): annotations must be strings")
  }

  // MARK: config.md

  private mutating func checkConfiguration(_ json: JSON, layerCount: Int) {
    let config = json.objectValue ?? JSON.Object()
    require(config["architecture"]?.stringValue?.isEmpty == false, "config: architecture is required")
    require(config["os"]?.stringValue?.isEmpty == false, "config: os is required")
    if let created = config["created"] {
      require(Self.isTime(created.stringValue ?? ""), "config: created must be RFC 3339")
    }
    let rootFS = config["rootfs"]?.objectValue ?? JSON.Object()
    require(rootFS["type"]?.stringValue == "layers", "config: rootfs.type must be layers")
    let diffIDs = rootFS["diff_ids"]?.arrayValue ?? []
    require(diffIDs.count == layerCount, "config: there must be a diff_id for each layer")
    require(diffIDs.allSatisfy { (try? Digest($0.stringValue ?? "")) != nil }, "config: diff_ids must be digests")
    if let history = config["history"]?.arrayValue {
      let filled = history.count { $0.objectValue?["empty_layer"]?.boolValue != true }
      require(filled == layerCount, "config: history must have an entry for each layer")
    }
    if let runtime = config["config"] { checkRuntime(runtime.objectValue ?? JSON.Object()) }
  }

  private mutating func checkRuntime(_ runtime: JSON.Object) {
    for name in ["Env", "Entrypoint", "Cmd"] {
      guard let value = runtime[name] else { continue }
      require(
        value.arrayValue?.allSatisfy { $0.stringValue != nil } == true, "config: \(name) must be a list of strings")
    }
    for entry in runtime["Env"]?.arrayValue ?? [] {
      require(entry.stringValue?.dropFirst().contains("=") == true, "config: Env entries must be NAME=VALUE")
    }
    for name in ["ExposedPorts", "Volumes"] {
      guard let value = runtime[name] else { continue }
      require(
        value.objectValue?.members.allSatisfy { $0.value == .object(JSON.Object()) } == true,
        "config: \(name) must be an object of empty objects")
    }
    for port in runtime["ExposedPorts"]?.objectValue?.members.map(\.name) ?? [] {
      let parts = port.split(separator: "/", omittingEmptySubsequences: false)
      require(
        UInt16(parts[0]) != nil && (parts.count == 1 || (parts.count == 2 && ["tcp", "udp"].contains(parts[1]))),
        "config: exposed port '\(port)' must be PORT, PORT/tcp or PORT/udp")
    }
    for name in ["User", "WorkingDir", "StopSignal"] {
      if let value = runtime[name] { require(value.stringValue != nil, "config: \(name) must be a string") }
    }
    checkAnnotations(runtime["Labels"], "config: Labels")
  }

  private static func isTime(_ text: String) -> Bool {
    // 2006-01-02T15:04:05Z, with a fraction or an offset in place of Z.
    let shape = text.map { $0.isNumber ? "0" : $0 }.prefix(19)
    return String(shape) == "0000-00-00T00:00:00"
      && (text.hasSuffix("Z") || text.dropFirst(19).contains { "+-".contains($0) })
  }
}

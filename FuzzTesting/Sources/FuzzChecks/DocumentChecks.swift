import OCICore

/// What holds for every document that is accepted.
func checkDocument<Value: ImageDocument>(
  _ input: [UInt8], _ type: Value.Type, edit: (inout Value) -> Void
) throws -> Value? {
  guard let document = try? Document<Value>(parsing: input, limit: 1 << 20) else { return nil }
  let value = document.value
  try require(document.bytes == input, "a document keeps its bytes")
  try require(document.digest == Digest.of(input), "a document's digest is that of its bytes")
  try require(document.edited { _ in }.bytes == input, "an edit of nothing changes nothing")
  let canonical = value.canonicalBytes
  let again = try Value(parsing: canonical)
  try require(again == value, "a value that is written and read is equal")
  try require(again.canonicalBytes == canonical, "equal values have equal bytes")
  try require(again.validate() == value.validate(), "equal values have equal findings")
  var edited = value
  edit(&edited)
  if let after = try? document.edited({ $0 = edited }) {
    let read = try Value(parsing: after.bytes)
    try require(read.canonicalBytes == edited.canonicalBytes, "an edited document says what it was changed into")
    try require(
      isUnchanged(JSON(parsing: input), JSON(parsing: after.bytes), from: value.json, to: edited.json),
      "an edit changes nothing else")
    // Faults that the edit mended may not come back.
    if let back = try? after.edited({ $0 = value }) {
      try require(
        Value(parsing: back.bytes).canonicalBytes == canonical, "an edit that is taken back leaves what was said before"
      )
    }
  }
  return value
}

/// Whether every member that the edit did not touch is what it was.
private func isUnchanged(_ old: JSON, _ new: JSON, from before: JSON, to after: JSON) -> Bool {
  guard let old = old.objectValue, let new = new.objectValue, let before = before.objectValue,
    let after = after.objectValue
  else { return false }
  func value(_ name: String, in object: JSON.Object) -> JSON? {
    object[name] ?? object.members.first { goName($0.name) == goName(name) }?.value
  }
  return old.members.allSatisfy { member in
    value(member.name, in: before) != value(member.name, in: after) || new[member.name] == member.value
  }
}

/// A name as Go's decoder compares it.
private func goName(_ name: String) -> String {
  String(
    String.UnicodeScalarView(
      name.unicodeScalars.map { scalar in
        switch scalar {
        case "\u{17F}": "s"
        case "\u{212A}": "k"
        case "A"..."Z": Unicode.Scalar(scalar.value + 32) ?? scalar
        default: scalar
        }
      }))
}

/// No two members are one to Go's decoder, of those that it knows, and none is what makes another document of it.
private func checkNames(_ input: [UInt8], known: [String], foreign: [String]) throws {
  let names = try JSON(parsing: input).objectValue?.members.map { goName($0.name) } ?? []
  for name in known {
    try require(names.count { $0 == name.lowercased() } <= 1, "'\(name)' is there once, in whatever spelling")
  }
  for name in foreign { try require(!names.contains(name), "'\(name)' makes another document of it") }
}

func checkManifest(_ input: [UInt8]) throws -> Bool {
  let manifest = try checkDocument(input, ImageManifest.self) { manifest in
    manifest.annotations["com.example.fuzz"] = "x"
    manifest.layers.append(.empty)
  }
  guard let manifest else { return false }
  try require(
    (try? ImageIndex(parsing: input)) == nil, "what is a manifest to one reader is not an index to another")
  try checkNames(
    input, known: ["schemaVersion", "mediaType", "artifactType", "config", "layers", "subject", "annotations"],
    foreign: ["manifests"])
  try require(manifest.blobs.allSatisfy { $0.size >= 0 }, "no size is negative")
  return true
}

func checkIndex(_ input: [UInt8]) throws -> Bool {
  let index = try checkDocument(input, ImageIndex.self) { index in
    index.manifests.insert(.empty, at: 0)
    index.annotations["com.example.fuzz"] = nil
  }
  guard let index else { return false }
  try checkNames(
    input, known: ["schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations"],
    foreign: ["config", "layers"])
  for text in ["linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64"] {
    let platform = try Platform(text)
    if let found = index.manifest(for: platform) {
      try require(index.manifests.contains(found), "what is chosen is one of the entries")
      try require(!found.isAttestation, "an attestation is never chosen")
    }
  }
  for platform in index.manifests.compactMap(\.platform) {
    let normal = platform.normalized
    try require(normal.normalized == normal, "what is normal stays so")
    try require(platform.matches(platform), "a platform matches itself")
    try require(platform.fallbacks.first == normal, "a platform is its own best fallback")
  }
  return true
}

func checkConfiguration(_ input: [UInt8]) throws -> Bool {
  let configuration = try checkDocument(input, ImageConfiguration.self) { configuration in
    configuration.runtime.labels["com.example.fuzz"] = "x"
    configuration.runtime.command = ["x"]
    configuration.author = nil
  }
  guard let configuration else { return false }
  try checkNames(
    input, known: ["created", "author", "architecture", "os", "variant", "config", "rootfs", "history"], foreign: [])
  let merged = try configuration.merged(onto: configuration)
  try require(
    merged.diffIDs.count == 2 * configuration.diffIDs.count, "the layers of both images are in the merged one")
  try require(
    try ImageConfiguration(parsing: merged.canonicalBytes) == merged,
    "what is merged is written and read like any other")
  return true
}

func checkDescriptor(_ input: [UInt8]) throws -> Bool {
  guard let json = try? JSON(parsing: input), let descriptor = try? Descriptor(json, path: "descriptor") else {
    return false
  }
  let again = try Descriptor(JSON(parsing: descriptor.json.canonicalBytes), path: "descriptor")
  try require(again == descriptor, "a descriptor that is written and read is equal")
  try require(again.json.canonicalBytes == descriptor.json.canonicalBytes, "equal descriptors have equal bytes")
  try require(again.validate() == descriptor.validate(), "equal descriptors have equal findings")
  try require(descriptor.size >= 0, "a size is not negative")
  try checkText(descriptor.digest)
  return true
}

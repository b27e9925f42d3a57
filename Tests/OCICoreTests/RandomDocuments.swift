import OCICore
import OCITesting

/// Random values of every document, with every member now and then, and texts that mean the same in another form.
struct RandomDocuments {
  var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  // MARK: Values

  mutating func manifest() -> ImageManifest {
    var manifest = ImageManifest(
      mediaType: pick([.imageManifest, .dockerManifest]), artifactType: maybe { _ in .octetStream },
      config: descriptor(), layers: list { $0.descriptor() }, subject: maybe { $0.descriptor() }, annotations: strings()
    )
    manifest.other = others()
    return manifest
  }

  mutating func index() -> ImageIndex {
    var index = ImageIndex(
      mediaType: pick([.imageIndex, .dockerManifestList]), artifactType: maybe { _ in .octetStream },
      manifests: list { $0.descriptor() }, subject: maybe { $0.descriptor() }, annotations: strings())
    index.other = others()
    return index
  }

  mutating func configuration() -> ImageConfiguration {
    var configuration = ImageConfiguration(
      platform: platform(), runtime: runtime(), diffIDs: list { $0.digest() }, history: list { $0.history() },
      created: maybe { $0.text() }, author: maybe { $0.text() })
    configuration.platform.other = JSON.Object()
    configuration.rootFS.type = pick(["layers", "layers", ""])
    configuration.rootFS.other = others()
    configuration.other = others()
    return configuration
  }

  mutating func descriptor() -> Descriptor {
    var descriptor = Descriptor(
      mediaType: pick([.layerTar, .layerTarGzip, .imageManifest, .empty, .octetStream]), digest: digest(),
      size: pick([0, 1, .max, Int64(number(1000))]), urls: list { $0.text() }, annotations: strings(),
      data: maybe { $0.generator.bytes($0.number(5)) }, platform: maybe { $0.platform() },
      artifactType: maybe { _ in .imageConfiguration })
    descriptor.other = others()
    return descriptor
  }

  mutating func digest() -> Digest {
    let bytes = generator.bytes(8)
    guard flip(), let odd = try? Digest("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8") else {
      return .of(bytes, using: pick([.sha256, .sha512]))
    }
    return flip() ? odd : .of(bytes)
  }

  mutating func platform() -> Platform {
    var platform = Platform(
      architecture: text(), os: text(), variant: maybe { $0.text() }, osVersion: maybe { $0.text() },
      osFeatures: list { $0.text() })
    platform.other = others()
    return platform
  }

  private mutating func history() -> ImageConfiguration.History {
    var history = ImageConfiguration.History(
      created: maybe { $0.text() }, createdBy: maybe { $0.text() }, author: maybe { $0.text() },
      comment: maybe { $0.text() }, emptyLayer: flip())
    history.other = others()
    return history
  }

  mutating func runtime() -> RuntimeConfiguration {
    var runtime = RuntimeConfiguration()
    runtime.user = maybe { $0.text() }
    runtime.exposedPorts = Set(list { $0.text() })
    runtime.environment = list { "\($0.text())=\($0.text())" }
    runtime.entrypoint = maybe { $0.list { $0.text() } }
    runtime.command = maybe { $0.list { $0.text() } }
    runtime.volumes = Set(list { $0.text() })
    runtime.workingDirectory = maybe { $0.text() }
    runtime.labels = strings()
    runtime.stopSignal = maybe { $0.text() }
    runtime.argumentsEscaped = maybe { $0.flip() }
    runtime.healthCheck = maybe {
      var check = HealthCheck(
        test: $0.maybe { $0.list { $0.text() } }, interval: $0.maybe { $0.duration() },
        timeout: $0.maybe { $0.duration() },
        startPeriod: $0.maybe { $0.duration() }, startInterval: $0.maybe { $0.duration() },
        retries: $0.maybe { $0.pick([0, 3, .min, .max]) })
      check.other = $0.others()
      return check
    }
    runtime.onBuild = maybe { $0.list { $0.text() } }
    runtime.shell = maybe { $0.list { $0.text() } }
    runtime.other = others()
    return runtime
  }

  private mutating func duration() -> Duration { .nanoseconds(pick([0, 1, 30_000_000_000, .min, .max])) }

  // MARK: Texts

  /// The same document as another tool might have written it: members in another order and case, nulls, spaces.
  mutating func disguised(_ json: JSON) -> [UInt8] { rearranged(json).prettyText.utf8.map(\.self) }

  private mutating func rearranged(_ json: JSON) -> JSON {
    switch json {
    case .array(let elements): return .array(elements.map { rearranged($0) })
    case .object(let object):
      var result = JSON.Object()
      for member in object.members.shuffled(using: &generator) { result[member.name] = rearranged(member.value) }
      return .object(result)
    default: return json
    }
  }

  // MARK: Pieces

  mutating func flip() -> Bool { .random(using: &generator) }
  mutating func number(_ limit: Int) -> Int { .random(in: 0..<limit, using: &generator) }
  mutating func pick<Value>(_ values: [Value]) -> Value { values[number(values.count)] }
  mutating func maybe<Value>(_ make: (inout Self) -> Value) -> Value? { flip() ? make(&self) : nil }
  mutating func list<Value>(_ make: (inout Self) -> Value) -> [Value] { (0..<number(4)).map { _ in make(&self) } }

  /// Texts that are hard to keep: escapes, letters of many bytes, text that looks like JSON; names are never those of a
  /// member.
  mutating func text() -> String {
    let pieces = [
      "", "a", "\"", "\\", "/", "\n", "\u{0}", "\u{7f}", "é", "e\u{301}", "😀", "\u{2028}", "{}", "null", "<>&", "=",
      " ",
    ]
    return list { $0.pick(pieces) }.joined()
  }

  mutating func strings() -> [String: String] {
    Dictionary(list { ("\($0.text())\($0.number(9))", $0.text()) }, uniquingKeysWith: { first, _ in first })
  }

  mutating func others() -> JSON.Object {
    var object = JSON.Object()
    for value in list({ $0.value(depth: 2) }) { object["x-\(text())\(number(9))"] = value }
    return object
  }

  private mutating func value(depth: Int) -> JSON {
    switch number(depth > 0 ? 7 : 5) {
    case 0: .null
    case 1: .bool(flip())
    case 2: .number(pick(["0", "-0", "1e400", "12345678901234567890", "0.10", "1E+2"]))
    case 3: .string(text())
    case 4: .array([])
    case 5: .array(list { $0.value(depth: depth - 1) })
    default: .object(others())
    }
  }
}

internal import SystemPackage

extension ImageLayoutStore {
  /// Everything that is wrong with the layout, or unusual, in the order of its tree: files, blobs, manifests,
  /// configurations, down to what each document's `validate()` says.
  ///
  /// A finding's location is the way to it through the tree, e.g. `index.json/manifests[0]/layers[2]`.
  /// - Parameter readsContent: Whether to read and verify every blob; otherwise documents alone are read, and sizes
  ///   compared.
  /// - Throws: `CancellationError`. What cannot be read is a finding.
  public func validate(readsContent: Bool = true) async throws -> [Finding] {
    var inspection = try await IOExecutor.run { [self] in
      var inspection = LayoutInspection(self)
      try inspection.inspect()
      return inspection
    }
    if readsContent {
      let faults = try await inspection.blobsToRead.concurrentMap(width: 4) { [self] digest in
        try await IOExecutor.run { [self] in (digest, try contentFault(digest)) }
      }
      inspection.addContentFaults(Dictionary(uniqueKeysWithValues: faults))
    }
    return inspection.findings
  }

  /// What is wrong with a blob's bytes.
  private func contentFault(_ digest: Digest) throws -> OCIError? {
    do {
      let file = try openBlob(digest)
      var digester = Digester(try digest.requireHashFunction())
      while true {
        try Task.checkCancellation()
        let bytes = try file.read(upTo: 1 << 20)
        if bytes.isEmpty { break }
        digester.update(bytes.span)
      }
      let actual = digester.finalize()
      guard actual != digest else { return nil }
      return OCIError(.digestMismatch, "the content has digest \(actual): it is damaged or was changed")
    } catch let error as OCIError {
      return error
    }
  }
}

/// One walk over a layout. Findings are kept with the place at which they were found, so that what is found out later, by
/// reading blobs at the same time, stands where it belongs.
private struct LayoutInspection {
  private let layout: ImageLayoutStore
  private var found: [(order: Int, finding: Finding)] = []
  private var order = 0
  /// Where each blob is referred to, beside documents, which have been read.
  private var references: [Digest: [(order: Int, location: String)]] = [:]
  private var documents: Set<Digest> = []
  /// The diffIDs of the configurations that were read; many manifests may have one.
  private var configurations: [Digest: [Digest]] = [:]

  init(_ layout: ImageLayoutStore) { self.layout = layout }

  var findings: [Finding] { found.sorted { $0.order < $1.order }.map(\.finding) }

  /// The blobs whose bytes nobody has looked at yet.
  var blobsToRead: [Digest] { references.keys.filter { $0.algorithm.hashFunction != nil }.sorted() }

  mutating func addContentFaults(_ faults: [Digest: OCIError?]) {
    for (digest, places) in references {
      guard let fault = faults[digest] ?? nil else { continue }
      for place in places {
        found.append((place.order, finding(.error, .damaged, place.location, fault.message, Self.blobs)))
      }
    }
  }

  private static let blobs = "Blobs"

  private func finding(
    _ severity: Finding.Severity, _ code: Finding.Code, _ location: String, _ message: String, _ section: String
  ) -> Finding {
    Finding(severity, code, location: location, message: message, section: "image-spec image-layout.md §\(section)")
  }

  private mutating func add(
    _ severity: Finding.Severity, _ code: Finding.Code, _ location: String, _ message: String, _ section: String
  ) {
    found.append((order, finding(severity, code, location, message, section)))
  }

  private mutating func add(_ findings: [Finding], at location: String) {
    for finding in findings {
      var located = finding
      located.location = location
      found.append((order, located))
    }
  }

  // MARK: Files

  mutating func inspect() throws {
    do { _ = try layout.readMarker() } catch {
      let code: Finding.Code = error.code == .notFound ? .missing : .invalidValue
      let message = error.code == .notFound ? "is missing, so this is no image layout" : error.message
      add(.error, code, ImageLayoutMarker.fileName, message, "oci-layout file")
    }
    order += 1
    do {
      if let index = try layout.readIndex() {
        try inspect(index)
      } else {
        add(.error, .missing, "index.json", "is missing", "index.json file")
      }
    } catch let error as OCIError {
      add(.error, .unreadable, "index.json", error.message, "index.json file")
    }
    try inspectFiles()
  }

  private mutating func inspect(_ index: ImageIndex) throws {
    let location = "index.json"
    add(index.validate(), at: location)
    var names: Set<String> = []
    for (number, manifest) in index.manifests.enumerated() {
      if let name = manifest.annotations[AnnotationKey.referenceName], !names.insert(name).inserted {
        add(
          .warning, .mismatch, "\(location)/manifests[\(number)]",
          "the name '\(excerpt(name))' is given twice; tools differ in which they take", "index.json file")
      }
    }
    // Depth first, without recursion, so that the order is that of the tree.
    var pile = children(of: .index(index), at: location, depth: 0)
    while let next = pile.popLast() {
      try Task.checkCancellation()
      order += 1
      pile += inspect(next)
    }
  }

  private struct Place {
    var descriptor: Descriptor
    var location: String
    var depth: Int
    /// The manifest whose config this is.
    var manifest: ImageManifest?
  }

  /// The children, the first at the end.
  private func children(of manifest: AnyManifest, at location: String, depth: Int) -> [Place] {
    switch manifest {
    case .index(let index):
      return index.manifests.enumerated().reversed().map {
        Place(descriptor: $1, location: "\(location)/manifests[\($0)]", depth: depth + 1)
      }
    case .manifest(let manifest):
      let config = Place(
        descriptor: manifest.config, location: "\(location)/config", depth: depth + 1, manifest: manifest)
      return manifest.layers.enumerated().reversed().map {
        Place(descriptor: $1, location: "\(location)/layers[\($0)]", depth: depth + 1)
      } + [config]
    }
  }

  // MARK: Blobs

  /// Looks at one blob; gives what is below it.
  private mutating func inspect(_ place: Place) -> [Place] {
    let (descriptor, location) = (place.descriptor, place.location)
    do {
      guard let size = try layout.blobSize(descriptor.digest) else {
        if !descriptor.isElsewhere {
          add(.error, .missing, location, "blob \(descriptor.digest) is missing; push the image again", Self.blobs)
        }
        return []
      }
      guard !descriptor.hasSize || size == descriptor.size else {
        add(
          .error, .damaged, location,
          "blob \(descriptor.digest) has \(size) bytes instead of \(descriptor.size); push the image again", Self.blobs)
        documents.insert(descriptor.digest)
        return []
      }
      if descriptor.mediaType.isManifest { return try inspectManifest(place) }
      if descriptor.mediaType.isConfiguration { return try inspectConfiguration(place) }
      references[descriptor.digest, default: []].append((order, location))
    } catch {
      documents.insert(descriptor.digest)
      let code: Finding.Code =
        switch error.code {
        case .digestMismatch, .sizeMismatch: .damaged
        case .invalidDocument, .invalidJSON: .invalidValue
        case .limitExceeded: .limitExceeded
        default: .unreadable
        }
      add(.error, code, location, error.message, Self.blobs)
    }
    return []
  }

  private mutating func inspectManifest(_ place: Place) throws(OCIError) -> [Place] {
    // What is wrong below a manifest is told once, however many indexes list it.
    guard documents.insert(place.descriptor.digest).inserted else { return [] }
    let manifest = try layout.readManifest(place.descriptor)
    switch manifest {
    case .manifest(let manifest): add(manifest.validate(), at: place.location)
    case .index(let index): add(index.validate(), at: place.location)
    }
    guard place.depth <= AnyManifest.maximumDepth else {
      throw OCIError(.limitExceeded, "is nested more than \(AnyManifest.maximumDepth) levels deep")
    }
    return children(of: manifest, at: place.location, depth: place.depth)
  }

  private mutating func inspectConfiguration(_ place: Place) throws(OCIError) -> [Place] {
    let digest = place.descriptor.digest
    if configurations[digest] == nil {
      let bytes = try FileSystem.contents(of: layout.openBlob(digest), limit: ImageConfiguration.sizeLimit)
      try place.descriptor.verify(bytes)
      let configuration = try ImageConfiguration(parsing: bytes)
      documents.insert(digest)
      configurations[digest] = configuration.diffIDs
      add(configuration.validate(), at: place.location)
    }
    guard let manifest = place.manifest else { return [] }
    let (layers, diffIDs) = (manifest.layers, configurations[digest] ?? [])
    if layers.count != diffIDs.count {
      found.append(
        (
          order,
          Finding(
            .error, .mismatch, location: place.location, path: "$.rootfs.diff_ids",
            message: "has \(diffIDs.count) entries, but the manifest has \(layers.count) layers",
            section: "image-spec config.md §Properties")
        ))
    }
    for (index, (layer, diffID)) in zip(layers, diffIDs).enumerated() {
      guard let format = layer.mediaType.layerFormat, format.compression == .none, !format.isEncrypted,
        layer.digest.algorithm == diffID.algorithm, layer.digest != diffID
      else { continue }
      found.append(
        (
          order,
          Finding(
            .error, .mismatch, location: place.location, path: "$.rootfs.diff_ids[\(index)]",
            message: "must be the layer's digest, \(layer.digest), because the layer is not compressed",
            section: "image-spec config.md §Layer DiffID")
        ))
    }
    return []
  }

  // MARK: What is there beside the tree

  private mutating func inspectFiles() throws {
    do {
      for (file, digest) in try layout.files() {
        try Task.checkCancellation()
        order += 1
        guard let digest else {
          add(
            .warning, .unreferenced, layout.name(of: file),
            "is left of an interrupted write; collect garbage to remove it", Self.blobs)
          continue
        }
        guard !documents.contains(digest), references[digest] == nil else { continue }
        let location = layout.name(of: file)
        add(.warning, .unreferenced, location, "nothing refers to it; collect garbage to remove it", Self.blobs)
        guard case .file = try FileSystem.kind(of: file) else {
          add(.error, .unreadable, location, "is no regular file", Self.blobs)
          continue
        }
        references[digest] = [(order, location)]
      }
      for name in try layout.strangers() {
        order += 1
        add(.error, .invalidValue, name, "is no name that a digest can have", Self.blobs)
      }
    } catch let error as OCIError {
      add(.error, .unreadable, "blobs", error.message, Self.blobs)
    }
  }
}

extension ImageLayoutStore {
  /// What is below `blobs` and named like no digest and no temporary file of ours, as paths in the layout.
  fileprivate func strangers() throws(OCIError) -> [String] {
    switch try FileSystem.kind(of: blobsPath) {
    case .directory: break
    case nil: return []
    default: throw .unsafePath(blobsPath, "no directory")
    }
    var result: [String] = []
    for algorithm in try FileSystem.names(in: blobsPath).sorted(by: byteOrder) where !FileSystem.isTemporary(algorithm)
    {
      let directory = blobsPath.appending(algorithm)
      guard (try? Digest.Algorithm(algorithm)) != nil, try FileSystem.kind(of: directory) == .directory else {
        result.append(name(of: directory))
        continue
      }
      for name in try FileSystem.names(in: directory).sorted(by: byteOrder)
      where !FileSystem.isTemporary(name) && (try? Digest("\(algorithm):\(name)")) == nil {
        result.append(self.name(of: directory.appending(name)))
      }
    }
    return result
  }
}

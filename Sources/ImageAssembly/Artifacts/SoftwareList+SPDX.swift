public import OCICore

extension SoftwareList {
  /// The media type of `spdx`.
  public static let spdxType = "application/spdx+json"
  /// The media type of `cycloneDX`.
  public static let cycloneDXType = "application/vnd.cyclonedx+json"

  /// The list as SPDX 2.3 in JSON.
  public var spdx: JSON {
    let image = "SPDXRef-image"
    func id(_ package: Package) -> String { "SPDXRef-\(package.identifier)" }
    let known = Dictionary(packages.map { ($0.path, id($0)) }, uniquingKeysWith: { first, _ in first })
    var described: [JSON] = [
      .object([
        "SPDXID": .string(image), "name": .string(name), "versionInfo": .string(digest.description),
        "downloadLocation": "NOASSERTION", "filesAnalyzed": .bool(false), "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION", "primaryPackagePurpose": "CONTAINER",
        "checksums": .array([.object(["algorithm": "SHA256", "checksumValue": .string(digest.hex)])]),
      ])
    ]
    var relationships = [relationship("SPDXRef-DOCUMENT", "DESCRIBES", image)]
    for package in packages {
      var object: JSON.Object = ["SPDXID": .string(id(package)), "name": .string(package.name)]
      if let version = package.version { object["versionInfo"] = .string(version) }
      object["downloadLocation"] = "NOASSERTION"
      object["filesAnalyzed"] = .bool(false)
      object["licenseConcluded"] = "NOASSERTION"
      object["licenseDeclared"] = "NOASSERTION"
      object["copyrightText"] = "NOASSERTION"
      if let hash = package.narSHA256 {
        object["checksums"] = .array([.object(["algorithm": "SHA256", "checksumValue": .string(hash)])])
      }
      object["sourceInfo"] = .string("store path \(package.path)")
      object["comment"] = .string("in layer \(package.layer)")
      object["externalRefs"] = .array([
        .object([
          "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
          "referenceLocator": .string(package.packageURL),
        ])
      ])
      described.append(.object(object))
      relationships.append(relationship(image, "CONTAINS", id(package)))
      for path in package.references {
        if let other = known[path] { relationships.append(relationship(id(package), "DEPENDS_ON", other)) }
      }
    }
    return .object([
      "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": .string(name),
      "documentNamespace": .string("urn:flywheel:sbom:\(digest)"),
      "creationInfo": .object(["created": .string(Self.seconds(created)), "creators": .strings(["Tool: flywheel"])]),
      "packages": .array(described), "relationships": .array(relationships),
    ])
  }

  private func relationship(_ from: String, _ type: String, _ to: String) -> JSON {
    .object(["spdxElementId": .string(from), "relationshipType": .string(type), "relatedSpdxElement": .string(to)])
  }

  /// SPDX takes whole seconds in UTC alone.
  private static func seconds(_ time: String) -> String { Timestamp.text(Timestamp.seconds(time) ?? 1) }

  /// The list as CycloneDX 1.5 in JSON.
  public var cycloneDX: JSON {
    let known = Set(packages.map(\.path))
    let components = packages.map { package -> JSON in
      var object: JSON.Object = [
        "type": "library", "bom-ref": .string(package.path), "name": .string(package.name),
      ]
      if let version = package.version { object["version"] = .string(version) }
      if let hash = package.narSHA256 {
        object["hashes"] = .array([.object(["alg": "SHA-256", "content": .string(hash)])])
      }
      object["purl"] = .string(package.packageURL)
      object["properties"] = .array([
        .object(["name": "nix:store_path", "value": .string(package.path)]),
        .object(["name": "nix:store_hash", "value": .string(package.storeHash)]),
        .object(["name": "oci:layer_digest", "value": .string(package.layer.description)]),
      ])
      return .object(object)
    }
    let image = digest.description
    let dependencies =
      [JSON.object(["ref": .string(image), "dependsOn": .strings(packages.map(\.path))])]
      + packages.map { package in
        .object(["ref": .string(package.path), "dependsOn": .strings(package.references.filter(known.contains))])
      }
    return .object([
      "bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": .string(Self.serialNumber(digest)),
      "version": .integer(1),
      "metadata": .object([
        "timestamp": .string(Self.seconds(created)),
        "tools": .object(["components": .array([.object(["type": "application", "name": "flywheel"])])]),
        "component": .object([
          "type": "container", "bom-ref": .string(image), "name": .string(name), "version": .string(image),
        ]),
      ]), "components": .array(components), "dependencies": .array(dependencies),
    ])
  }

  /// A UUID of version 8 (RFC 9562) made of the image's digest, so that it is no other tomorrow.
  private static func serialNumber(_ digest: Digest) -> String {
    var digits = Array(digest.hex.prefix(32))
    digits[12] = "8"
    digits[16] = "8"
    let text = String(digits)
    var parts: [Substring] = []
    var rest = text[...]
    for count in [8, 4, 4, 4, 12] {
      parts.append(rest.prefix(count))
      rest = rest.dropFirst(count)
    }
    return "urn:uuid:\(parts.joined(separator: "-"))"
  }
}

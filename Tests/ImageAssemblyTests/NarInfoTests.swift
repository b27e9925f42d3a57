import OCICore
import Testing

@testable import ImageAssembly

/// What a binary cache says is read strictly, and counts only where it is signed.
struct NarInfoTests {
  private static let key = "test-1:QVrk0pAgLItEIJmeaXbw+7IwcFNxRO3IyYRUFq2XvFQ="

  /// As Nix 2.8 wrote it.
  private static let text = """
    StorePath: /nix/store/v2n65zlk44i1b4wb2qml15xxm3442asw-app-abc123
    URL: nar/16wv9fc4cjhazw3zw8n525xrfz16kw9lskc3qhglfvfkcmwjs8rn.nar.xz
    Compression: xz
    FileHash: sha256:16wv9fc4cjhazw3zw8n525xrfz16kw9lskc3qhglfvfkcmwjs8rn
    FileSize: 396
    NarHash: sha256:19n9miyayqq476w4nny4zzfvsiclxyx16c00aiwfvffmmcradz9c
    NarSize: 1416
    References: 072lzn5h6hcxp15vfhbglxg619jzsvbw-link-abc123 sqm47s62ayc641sv0blwqs608cr0g0v1-tree-abc123 v2n65zlk44i1b4wb2qml15xxm3442asw-app-abc123
    Deriver: ibmxi6lljlammh4wfhx884q1xnm5233f-app-abc123.drv
    Sig: test-1:uX+8w/cSI/jloBx3UFNpPDWkJsZCAQCbs2ZUX2H4vLHgohn1aivsSZefePRV4dBedZgPS/HllYYM9dqiVHtEDg==

    """

  private func info(_ edit: (String) -> String = { $0 }) throws -> NarInfo {
    try NarInfo(parsing: Array(edit(Self.text).utf8))
  }

  @Test func everyFieldIsRead() throws {
    let info = try info()
    #expect(info.storePath == "/nix/store/v2n65zlk44i1b4wb2qml15xxm3442asw-app-abc123")
    #expect(info.url == "nar/16wv9fc4cjhazw3zw8n525xrfz16kw9lskc3qhglfvfkcmwjs8rn.nar.xz" && info.compression == "xz")
    #expect(info.fileSize == 396 && info.narSize == 1416 && info.references.count == 3)
    #expect(info.deriver == "ibmxi6lljlammh4wfhx884q1xnm5233f-app-abc123.drv" && info.contentAddress == nil)
    #expect(NarHashes.base32(info.narHash) == "19n9miyayqq476w4nny4zzfvsiclxyx16c00aiwfvffmmcradz9c")
    #expect(NarHashes.hexadecimal("sha256:" + NarHashes.base32(info.narHash)) == info.narHash.hex)
  }

  @Test func onlyASignatureByATrustedKeyOnExactlyThisCounts() throws {
    let key = try TrustedKey(Self.key)
    #expect(key.description == Self.key)
    #expect(try info().isSigned(by: [key]))
    #expect(try !info().isSigned(by: []))
    // Another's key under the same name, and the right key under another name.
    #expect(try !info().isSigned(by: [TrustedKey("test-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=")]))
    #expect(try !info().isSigned(by: [TrustedKey("other-1:QVrk0pAgLItEIJmeaXbw+7IwcFNxRO3IyYRUFq2XvFQ=")]))
    for (old, new) in [
      ("NarSize: 1416", "NarSize: 1417"), ("link-abc123", "link-abc124"),
      ("asw-app-abc123\nURL", "asw-app-abc124\nURL"),
      ("NarHash: sha256:19n9", "NarHash: sha256:19n8"), ("Sig: test-1:uX", "Sig: test-1:uY"),
      ("Sig: test-1", "Sig: test-2"),
    ] {
      let changed = try info { $0.replacing(old, with: new) }
      #expect(try changed != info() && !changed.isSigned(by: [key]), "\(new)")
    }
    // What is not signed may be anything, and a second signature does no harm.
    let moved = try info {
      $0.replacing("nar/16", with: "other/16") + "Sig: x:\(Base64.encode([UInt8](repeating: 1, count: 64)))\n"
    }
    #expect(moved.isSigned(by: [key]))
  }

  @Test func noByteThatIsSignedCanBeChanged() throws {
    let (key, wanted, bytes) = (try TrustedKey(Self.key), try info().fingerprint, Array(Self.text.utf8))
    for index in stride(from: 0, to: bytes.count, by: 5) {
      var changed = bytes
      changed[index] ^= 1
      guard let info = try? NarInfo(parsing: changed), info.isSigned(by: [key]) else { continue }
      #expect(info.fingerprint == wanted, "byte \(index)")
    }
  }

  @Test(arguments: [
    ("StorePath", "StorePath: /nix/store/v2n6", "StorePath: v2n6"), ("StorePath", "StorePath: ", "StorePath: /x/../"),
    ("StorePath", "StorePath: /nix/", "StorePath: /n;x/"), ("StorePath", "StorePath: /nix/", "StorePath: /n,x/"),
    ("StorePath", "-app-abc123\nURL", "-app-abc123/bin\nURL"), ("URL", "nar/16", "../16"), ("URL", "nar/16", "/nar/16"),
    ("URL", "nar/16", "https://example.org/16"), ("URL", "nar/16", "nar/%2E%2e/16"), ("URL", "nar/16", "nar//16"),
    ("URL", "nar/16", "nar/\\16"), ("URL", "URL: ", "X: "), ("Compression", ": xz", ": lz4"),
    ("FileHash", "FileHash: sha256:16", "FileHash: sha256:1"), ("FileSize", "396", "-396"),
    ("NarHash", "NarHash: sha256", "NarHash: md5"), ("NarHash", "NarHash", "OtherHash"), ("NarSize", "1416", "many"),
    ("NarSize", "1416", "0"), ("References", "References: 0", "References: ../0"), ("Sig", "Dg==", "Dg="),
    ("NarSize", "Deriver: ", "NarSize: 1416\nDeriver: "), ("line 3", "Compression: xz", "Compression"),
  ])
  func aBrokenFieldIsNamed(field: String, old: String, new: String) throws {
    let error = #expect(throws: AssemblyError.self) { try info { $0.replacing(old, with: new) } }
    #expect(error?.code == .invalidBinaryCache && error?.message.contains(field) == true, "\(error?.message ?? "")")
  }

  @Test(arguments: ["", "name", "name:", ":QVrk0pAgLItEIJmeaXbw+7IwcFNxRO3IyYRUFq2XvFQ=", "name:QVrk0pAg"])
  func aBrokenKeyIsRefused(text: String) {
    let error = #expect(throws: AssemblyError.self) { try TrustedKey(text) }
    #expect(error?.code == .invalidBinaryCache)
  }
}

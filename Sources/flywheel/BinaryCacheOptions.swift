import ArgumentParser
import ImageAssembly
import Registry
import SystemPackage

/// Where store paths come from that are not on this machine.
struct BinaryCacheOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A binary cache to take store paths from that are not on this machine, file:///DIR, http:// or https://HOST/PATH; repeat it.",
      valueName: "url"))
  var binaryCache: [String] = []

  @Option(
    help: ArgumentHelp(
      "A key whose signatures on store paths count; that of https://cache.nixos.org counts for it. Repeat it.",
      valueName: "name:base64"))
  var trustedPublicKey: [String] = []

  @Flag(help: "Take store paths of binary caches whose signature does not count, or that have none.")
  var allowUnsigned = false

  @Option(
    help: ArgumentHelp("Names and passwords for binary caches, as netrc.", valueName: "file"), completion: .file())
  var netrcFile: String?

  func validate() throws {
    for text in trustedPublicKey {
      do { _ = try TrustedKey(text) } catch { throw ValidationError(error.message) }
    }
    for url in binaryCache where !Self.isDirectory(url) && !Self.isWeb(url) {
      throw ValidationError("--binary-cache '\(url)' must be file:///DIR, http://HOST/PATH or https://HOST/PATH")
    }
    guard !binaryCache.isEmpty || trustedPublicKey.isEmpty && !allowUnsigned && netrcFile == nil else {
      throw ValidationError("--trusted-public-key, --allow-unsigned and --netrc-file belong to --binary-cache")
    }
  }

  private static func isDirectory(_ url: String) -> Bool { url.hasPrefix("file:///") }
  private static func isWeb(_ url: String) -> Bool { url.hasPrefix("http://") || url.hasPrefix("https://") }

  /// Runs an operation with the caches; `nil` where none was named.
  /// - Parameter registries: What was said of connections.
  func withCaches<Result>(
    _ progress: ProgressPrinter, _ registries: RegistryOptions? = nil,
    _ operation: (BinaryCaches?) async throws -> Result
  ) async throws -> Result {
    guard !binaryCache.isEmpty else { return try await operation(nil) }
    var configuration = RegistryConfiguration()
    if binaryCache.contains(where: Self.isWeb) {
      configuration = try registries?.connections(progress) ?? .system()
      // Each archive that is being read has one, and waits for the others where archives are merged.
      configuration.connectionsPerHost = 256
    }
    return try await RegistryClient.using(configuration) { client in
      try await operation(try caches(client))
    }
  }

  private func caches(_ client: RegistryClient) throws -> BinaryCaches {
    let keys = try trustedPublicKey.map { try TrustedKey($0) }
    let netrc = try netrcFile.map { try NetrcFile(FilePath($0)) }
    return BinaryCaches(
      try binaryCache.map { url in
        if Self.isDirectory(url) {
          return BinaryCache(
            directory: FilePath(String(url.dropFirst("file://".count))), trustedKeys: keys,
            allowsUnsigned: allowUnsigned)
        }
        var files = try HTTPFiles(url, client: client)
        if let credentials = netrc?.credentials(for: files.host) {
          files = try HTTPFiles(url, client: client, credentials: credentials)
        }
        let isNixos = ["https://cache.nixos.org", "https://cache.nixos.org/"].contains(url)
        let own = isNixos ? TrustedKey.nixos.map { [$0] } ?? [] : []
        return BinaryCache(url, trustedKeys: keys + own, allowsUnsigned: allowUnsigned) { [files] in
          try await files.get($0)
        }
      })
  }
}

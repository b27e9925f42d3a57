import ArgumentParser
import Foundation
import OCICore
import Registry
import SystemPackage

/// How to talk to registries; shared by all verbs that do.
struct RegistryOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Registries to speak plain HTTP with, with or without a port; this machine always is.", valueName: "host"))
  var plainHttp: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Registries whose certificate is not checked.", valueName: "host"))
  var skipTlsVerify: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("PEM files with certificate authorities to trust beside the system's.", valueName: "file"),
    completion: .file())
  var certificateAuthority: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Repositories to mount blobs from, e.g. that of a base image.", valueName: "host/repository"))
  var mountFrom: [String] = []

  @Flag(help: "Read credentials, in the form of docker's config.json, from standard input, before all others.")
  var authStdin = false

  @Option(help: ArgumentHelp("Attempts without progress before a request fails.", valueName: "count"))
  var attempts = 5

  @Option(help: ArgumentHelp("Seconds without progress before a connection counts as lost.", valueName: "seconds"))
  var stallTimeout = 60

  func validate() throws {
    guard (1...100).contains(attempts) else { throw ValidationError("--attempts must be between 1 and 100") }
    guard (1...3600).contains(stallTimeout) else { throw ValidationError("--stall-timeout must be between 1 and 3600") }
  }

  /// Runs an operation with a client, and tells of credentials that could not be read when a registry refuses us.
  /// - Parameters:
  ///   - isNeeded: Whether a registry will be asked: where not, nothing of this machine's configuration is read.
  ///   - sources: Further repositories to mount blobs from.
  func withClient<Result>(
    _ progress: ProgressPrinter, isNeeded: Bool = true, mountingFrom sources: [ImageReference] = [],
    credentials: CredentialProvider? = nil,
    _ operation: (RegistryClient) async throws -> Result
  ) async throws -> Result {
    guard isNeeded else { return try await RegistryClient.using(RegistryConfiguration(), operation) }
    let logins = DockerCredentials(document: authStdin ? try Self.standardInput() : nil)
    progress.hold(credentialProblems: logins.problems)
    do {
      return try await RegistryClient.using(
        try configuration(credentials ?? logins.credentials, progress, sources), operation)
    } catch let error as RegistryError where error.code == .unauthorized {
      progress.warnOfCredentials()
      throw error
    }
  }

  private func configuration(
    _ credentials: @escaping CredentialProvider, _ progress: ProgressPrinter, _ sources: [ImageReference]
  ) throws -> RegistryConfiguration {
    var configuration = try connections(progress)
    configuration.credentials = credentials
    for source in try mountFrom.map({ try ImageReference($0, defaultHost: nil) }) + sources {
      configuration.mountSources[source.host, default: []].append(source.repository)
    }
    return configuration
  }

  /// How to reach hosts, without who we are there.
  func connections(_ progress: ProgressPrinter) throws -> RegistryConfiguration {
    var configuration = try RegistryConfiguration.system()
    configuration.credentials = { _, _ in nil }
    configuration.plainHTTPHosts = Set(plainHttp)
    configuration.unverifiedHosts = Set(skipTlsVerify)
    configuration.certificates.authorities = certificateAuthority.map { FilePath($0) }
    configuration.maximumAttempts = attempts
    configuration.stallTimeout = stallTimeout
    configuration.onEvent = progress.report
    return configuration
  }

  static func standardInput(limit: Int = 1 << 20) throws -> [UInt8] {
    guard let data = try? FileHandle.standardInput.read(upToCount: limit), !data.isEmpty else {
      throw ValidationError("standard input is empty; pipe the credentials into it")
    }
    return Array(data)
  }
}

internal import OCICore
internal import Subprocess
internal import SystemPackage

/// A program that keeps credentials, by Docker's protocol (docker-credential-helpers): it is named `docker-credential-NAME`,
/// gets a verb as its argument and the registry on standard input, and answers on standard output, with its errors too.
struct CredentialHelper: Sendable, Hashable {
  /// The user's name by which helpers say that the secret is an identity token.
  static let tokenUser = "<token>"

  /// How long a helper may take: it may ask a person, but not for ever.
  static let timeLimit = Duration.seconds(60)

  let program: String

  /// - Parameter suffix: What stands behind `docker-credential-`; `nil` for what could name another program.
  init?(suffix: String) {
    let isName = suffix.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    guard isName, !suffix.isEmpty, suffix.utf8.count <= 100 else { return nil }
    program = "docker-credential-\(suffix)"
  }

  /// Whether the program is there: files from another machine name helpers of that machine.
  func isInstalled(variable: (_ name: String) -> String?) -> Bool {
    (variable("PATH") ?? "").split(separator: ":").contains {
      FileSystem.exists(FilePath(String($0)).appending(program))
    }
  }

  /// The credentials of a registry; `nil` where it has none.
  func credentials(for host: String) async throws -> Credentials? {
    let (isSuccess, output) = try await run("get", input: Self.key(of: host))
    guard isSuccess else {
      let reason = Self.line(output)
      let isAbsent = [
        "credentials not found in native keychain", "no credentials server URL", "no credentials username",
      ].contains(reason)
      if isAbsent { return nil }
      throw failure("says: \(reason.isEmpty ? "nothing" : reason)")
    }
    // What it printed may be a secret, so it is in no message.
    guard let fields = try? JSON(parsing: output).objectValue, let secret = fields["Secret"]?.stringValue,
      let user = fields["Username"]?.stringValue, !secret.isEmpty
    else { throw failure("gives no JSON object with Username and Secret") }
    if user == Self.tokenUser { return .identityToken(secret, origin: program) }
    return Credentials(user: user, password: secret, origin: program)
  }

  /// Keeps credentials.
  func store(_ credentials: Credentials, for host: String) async throws {
    let (user, secret): (String, String)
    switch credentials.secret {
    case .password(let password): (user, secret) = (credentials.user, password)
    case .identityToken(let token): (user, secret) = (Self.tokenUser, token)
    case .accessToken: throw failure("cannot keep a registry token")
    }
    let document: JSON.Object = [
      "ServerURL": .string(Self.key(of: host)), "Username": .string(user), "Secret": .string(secret),
    ]
    let (isSuccess, output) = try await run(
      "store", input: String(decoding: JSON.object(document).canonicalBytes, as: UTF8.self))
    guard isSuccess else { throw failure("says: \(Self.line(output))") }
  }

  /// Forgets the credentials of a registry; not an error where it has none.
  func erase(_ host: String) async throws {
    let (isSuccess, output) = try await run("erase", input: Self.key(of: host))
    let reason = Self.line(output)
    guard isSuccess || reason == "credentials not found in native keychain" else { throw failure("says: \(reason)") }
  }

  /// Docker Hub is known by its first address.
  static func key(of host: String) -> String {
    host == ImageReference.dockerHub ? "https://index.docker.io/v1/" : host
  }

  private func run(_ verb: String, input: String) async throws -> (isSuccess: Bool, output: [UInt8]) {
    struct Overdue: Error {}
    do {
      return try await withThrowingTaskGroup(of: (Bool, [UInt8]).self) { group in
        group.addTask {
          let result = try await Subprocess.run(
            .name(program), arguments: [verb], input: .string(input), output: .bytes(limit: 1 << 20), error: .discarded)
          return (result.terminationStatus.isSuccess, result.standardOutput)
        }
        group.addTask {
          try await Task.sleep(for: Self.timeLimit)
          throw Overdue()
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw CancellationError() }
        return result
      }
    } catch is Overdue {
      throw failure("gives no answer within \(Self.timeLimit)")
    } catch {
      try Task.checkCancellation()
      throw failure("cannot be run: \(error)")
    }
  }

  private func failure(_ what: String) -> RegistryError {
    RegistryError(
      .credentialsUnavailable,
      "the credential helper \(program) \(what); mend it, or take it out of docker's config.json")
  }

  private static func line(_ output: [UInt8]) -> String {
    printable(String(decoding: output.prefix(4096), as: UTF8.self))
  }
}

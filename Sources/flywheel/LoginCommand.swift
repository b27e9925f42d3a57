import ArgumentParser
import HostSystem
import OCICore
import Registry

/// Keeps credentials where docker, podman and skopeo find them too.
struct LoginCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login",
    abstract: "Check credentials with a registry and keep them in Docker's format.",
    discussion: """
      Examples:
        echo "$TOKEN" | flywheel login ghcr.io --username robot --password-stdin
        flywheel login registry.gitlab.com/group --username robot
        echo "$REFRESH_TOKEN" | flywheel login registry.example \\
          --identity-token-stdin

      The password comes from standard input, or is asked for on a terminal; never from the command line, which other \
      users can see. It is kept by the credential helper that the file names, else in the file: $REGISTRY_AUTH_FILE, or \
      config.json under $DOCKER_CONFIG or ~/.docker. A path after the host makes the credentials those of the repositories \
      below it.
      """)

  @Argument(
    help: ArgumentHelp("The registry, with the beginning of a repository's path if you like.", valueName: "host[/path]")
  )
  var place: String

  @Option(name: .shortAndLong, help: "The user's name.")
  var username: String?

  @Flag(help: "Read the password from standard input.")
  var passwordStdin = false

  @Flag(help: "Read an identity token (OAuth 2 refresh token) from standard input, in place of name and password.")
  var identityTokenStdin = false

  @Flag(help: "Keep the credentials without asking the registry whether it takes them.")
  var skipCheck = false

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var console: ConsoleOptions

  func validate() throws {
    guard username != nil || identityTokenStdin else { throw ValidationError("--username is needed") }
    guard !(passwordStdin && identityTokenStdin) else {
      throw ValidationError("--password-stdin and --identity-token-stdin exclude each other")
    }
    guard !registries.authStdin else { throw ValidationError("--auth-stdin makes no sense here; use --password-stdin") }
    _ = try reference()
  }

  private func reference() throws -> ImageReference {
    let text = place.contains("/") ? place : "\(place)/any"
    do { return try ImageReference(text, defaultHost: nil).withoutTagOrDigest } catch {
      throw ValidationError("'\(place)' is not a registry's host; expected e.g. ghcr.io or localhost:5000")
    }
  }

  func run() async throws {
    try await reportingErrors {
      let credentials = try self.credentials()
      let reference = try self.reference()
      if !skipCheck {
        let progress = ProgressPrinter(style: .plain)
        let (host, repository) = (reference.host, place.contains("/") ? reference.repository : "")
        try await registries.withClient(
          progress,
          credentials: { asked, name in
            asked == host && (repository.isEmpty || name.isEmpty || name.hasPrefix(repository)) ? credentials : nil
          }
        ) { try await $0.check(host) }
      }
      let place = reference.host + (self.place.contains("/") ? "/\(reference.repository)" : "")
      let keeper = try await LoginFile().save(credentials, for: place)
      Console.note("logged in to \(place); the credentials are kept by \(keeper)")
    }
  }

  private func credentials() throws -> Credentials {
    if identityTokenStdin { return .identityToken(try Self.secret()) }
    return Credentials(user: username ?? "", password: passwordStdin ? try Self.secret() : try Self.ask())
  }

  /// One line of standard input.
  private static func secret() throws -> String {
    let text = String(decoding: try RegistryOptions.standardInput(), as: UTF8.self)
    let line = text.hasSuffix("\n") ? String(text.dropLast()) : text
    guard !line.isEmpty, !line.contains("\n") else {
      throw ValidationError("standard input must hold the secret alone, on one line")
    }
    return line.hasSuffix("\r") ? String(line.dropLast()) : line
  }

  private static func ask() throws -> String {
    guard isatty(0) == 1 else { throw ValidationError("there is no terminal to ask at; use --password-stdin") }
    guard let text = getpass("Password: ") else { throw ValidationError("no password was given") }
    let password = String(cString: text)
    guard !password.isEmpty else { throw ValidationError("no password was given") }
    return password
  }
}

/// Forgets credentials.
struct LogoutCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logout",
    abstract: "Forget the credentials of a registry.",
    discussion: "Example: flywheel logout ghcr.io")

  @Argument(help: ArgumentHelp("The registry, as it was given to login.", valueName: "host[/path]"))
  var place: String

  @OptionGroup(title: "Output") var console: ConsoleOptions

  func run() async throws {
    try await reportingErrors {
      let file = try LoginFile()
      let wasThere = try await file.remove(place)
      Console.note(wasThere ? "logged out of \(place)" : "there were no credentials of \(place) in \(file.path)")
    }
  }
}

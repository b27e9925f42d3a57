import ArgumentParser

/// The command line: each verb parses, calls the library, prints.
@main
struct Flywheel: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flywheel",
    abstract: "Assembles container images without a daemon, root or a scratch copy.",
    discussion: """
      Examples:
        flywheel build --file /srv/app=./app --entrypoint /srv/app/server \\
          --to oci:image:latest
        flywheel build --nix-path ./result --copy-to-root ./result \\
          --to docker://ghcr.io/team/app:1.2
        flywheel copy docker://docker.io/library/caddy:2 \\
          docker://ghcr.io/team/caddy:2

      Exit codes:
         1  'diff' found differences, or several copies failed for different reasons
        64  wrong usage
        65  a broken document
        66  a source that is missing or unreadable
        67  a closure that lacks a reference
        68  a closure with a cycle
        69  a registry that cannot be reached
        70  an internal error
        71  a compression library that breaks its contract
        73  a destination that cannot be written
        74  input that changed, or is not what was promised
        75  a connection lost in the middle of a request
        76  a registry that breaks the protocol
        77  credentials or signatures that are missing or refused
        78  an invalid image reference or configuration
        79  a registry that refuses the image
        80  an image that is not there
       130  interrupted

      Guides are in docs/; troubleshooting.md explains each error by the code that it ends with.
      """,
    version: "0.1.0",
    groupedSubcommands: [
      CommandGroup(
        name: "Images",
        subcommands: [
          BuildCommand.self, PushCommand.self, ExportCommand.self, InspectCommand.self, DiffCommand.self,
          VerifyCommand.self, CopyCommand.self, RebaseCommand.self, LockCommand.self, SBOMCommand.self,
          AttachCommand.self,
        ]),
      CommandGroup(
        name: "Planning and projects", subcommands: [PlanCommand.self, CheckCommand.self, NixCommand.self]),
      CommandGroup(
        name: "Registries", subcommands: [LoginCommand.self, LogoutCommand.self, ServeCommand.self]),
      CommandGroup(name: "This program", subcommands: [CompletionsCommand.self]),
    ])

  static func main() async {
    let words = Array(CommandLine.arguments.dropFirst())
    ConsoleOptions.apply(beforeParsing: words)
    var isRunning = false
    do {
      if let suggestion = Suggestion(forHelpOf: words) { throw ValidationError(suggestion.message) }
      var verb = try await asyncParseAsRoot()
      isRunning = true
      if var verb = verb as? any AsyncParsableCommand { try await verb.run() } else { try verb.run() }
    } catch {
      let code = exitCode(for: error)
      // Help, the version and what a verb has told itself are not for us.
      guard code == .validationFailure, !(error is ExitCode) else { exit(withError: error) }
      UsageError(error, words: words, isRunning: isRunning).show()
      exit(withError: code)
    }
  }
}

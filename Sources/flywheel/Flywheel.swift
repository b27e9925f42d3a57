import ArgumentParser

/// The command line: each verb parses, calls the library, prints.
@main
struct Flywheel: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flywheel",
    abstract: "Assembles container images without a daemon, root or a scratch copy.",
    discussion: """
      Exit codes: 64 wrong usage, 65 a broken document, 66 a store path that is missing or unreadable, 67 a closure that \
      lacks a reference, 68 a closure with a cycle, 69 a registry that cannot be reached, 70 an internal error, 71 a \
      compression library that breaks its contract, 73 a destination that cannot be written, 74 input that changed while \
      it was read, 75 a connection lost in the middle of a request, 76 a registry that breaks the protocol, 77 credentials that \
      are missing or refused, 78 an invalid image reference or destination, 79 a registry that refuses the image, 80 an image that is not there, 130 interrupted; 1 when several copies failed for different reasons.
      """,
    version: "0.1.0",
    subcommands: [
      BuildCommand.self, PushCommand.self, ExportCommand.self, InspectCommand.self, DiffCommand.self,
      VerifyCommand.self, CopyCommand.self, RebaseCommand.self, LockCommand.self, SBOMCommand.self, AttachCommand.self,
      CheckCommand.self, PlanCommand.self, NixCommand.self, LoginCommand.self, LogoutCommand.self, ServeCommand.self,
    ])
}

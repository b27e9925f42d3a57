import ArgumentParser

/// What shells need to complete verbs, options and files.
struct CompletionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions",
    abstract: "Print the completion script for a shell.",
    discussion: """
      Examples:
        flywheel completions bash > \\
          ~/.local/share/bash-completion/completions/flywheel
        flywheel completions zsh > "${fpath[1]}/_flywheel"
        flywheel completions fish > ~/.config/fish/completions/flywheel.fish

      A new shell then completes verbs, options, their values, and files where files are meant.
      """)

  /// A shell with completions.
  enum Shell: String, ExpressibleByArgument, CaseIterable {
    case bash, zsh, fish

    var completionShell: CompletionShell {
      switch self {
      case .bash: .bash
      case .zsh: .zsh
      case .fish: .fish
      }
    }
  }

  @Argument(help: "bash, zsh or fish.")
  var shell: Shell

  @OptionGroup(title: "Output") var console: ConsoleOptions

  func run() async throws {
    try await reportingErrors { try Output.print(Flywheel.completionScript(for: shell.completionShell)) }
  }
}

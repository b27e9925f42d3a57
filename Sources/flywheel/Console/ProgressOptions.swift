import ArgumentParser

/// How progress is shown; shared by the verbs that take their time.
struct ProgressOptions: ParsableArguments {
  @Flag(help: "Print one JSON object as the result.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "How to tell what goes on, on standard error: auto (a bar on a terminal, a line a step elsewhere), plain, json (an event a line) or none.",
      valueName: "style"))
  var progress = ProgressPrinter.Style.auto

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    Console.configure { settings in
      settings.isJSON = progress == .json
      settings.hidesProgress = progress == .none
    }
  }

  func printer() -> ProgressPrinter { ProgressPrinter(style: console.quiet ? .none : progress) }
}

import ArgumentParser

/// When to use colours.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
  case auto, always, never
}

/// How much a verb says, and in which colours; every verb takes these.
struct ConsoleOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Print only the result, warnings and errors.")
  var quiet = false

  @Flag(
    name: .shortAndLong,
    help: "Say more: each request to a registry, where credentials come from, what is known already.")
  var verbose = false

  @Option(
    help: ArgumentHelp(
      "Colours: auto, always or never. With auto they are for terminals, unless NO_COLOR is set.", valueName: "when"))
  var color = ColorChoice.auto

  /// What counts already for a command line that cannot be read.
  static func apply(beforeParsing words: [String]) {
    func value(of option: String) -> String? {
      for (index, word) in words.enumerated() {
        if word == option, index + 1 < words.count { return words[index + 1] }
        if word.hasPrefix("\(option)=") { return String(word.dropFirst(option.count + 1)) }
      }
      return nil
    }
    Console.configure { settings in
      settings.isJSON = value(of: "--progress") == ProgressPrinter.Style.json.rawValue
      settings.color = value(of: "--color").flatMap(ColorChoice.init) ?? .auto
    }
  }

  /// The console is set here, before anything is done: an error of another option is to look right already.
  func validate() throws {
    guard !quiet || !verbose else { throw ValidationError("--quiet and --verbose exclude each other") }
    Console.configure { settings in
      settings.amount = quiet ? .quiet : verbose ? .verbose : .normal
      settings.color = color
    }
  }
}

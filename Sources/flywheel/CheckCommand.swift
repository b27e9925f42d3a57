import ArgumentParser
import ImageAssembly
import ImageProject
import OCICore
import SystemPackage

/// Says what is wrong with a project file.
struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check a project file: every mistake with its line and what to do about it.",
    discussion: """
      Example: flywheel check flywheel.yaml

      Nothing is built and no registry is asked. Prints FILE:LINE:COLUMN: error: MESSAGE for each mistake, and exits with 65 if there is \
      any. Values that tags and destinations need from the environment are only warned about.
      """)

  @Argument(help: ArgumentHelp("The project file.", valueName: "file"), completion: .file())
  var file = Project.fileName

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup(title: "Output") var console: ConsoleOptions

  func run() async throws {
    try await reportingErrors {
      do {
        let (project, warnings) = try Project.read(FilePath(file))
        let all = warnings + missingValues(of: project)
        try print(all)
        if !json {
          try Output.print(
            "\(file): \(Output.count(project.images.count, "image")), \(Output.count(project.contexts.count, "context"))"
          )
        }
      } catch let faults as ProjectFaults {
        try print(faults.faults)
        throw ExitCode(ExitStatus.code(for: faults))
      }
    }
  }

  private func missingValues(of project: Project) -> [ProjectError] {
    let stamp = Stamp(environment: Environment.variable)
    return project.contexts.keys.sorted(by: byteOrder).compactMap { name in
      do {
        _ = try stamp.text(project.contexts[name] ?? "")
        return nil
      } catch { return ProjectError(warning: "context '\(name)': \(error)", file: FilePath(file)) }
    }
  }

  private func print(_ faults: [ProjectError]) throws {
    guard json else {
      for fault in faults { Console.tell(fault) }
      return
    }
    let list = faults.map { fault in
      JSON.object([
        "file": .string(fault.file?.string ?? ""), "line": fault.line.map { .integer($0) } ?? .null,
        "column": fault.column.map { .integer($0) } ?? .null, "severity": fault.isWarning ? "warning" : "error",
        "message": .string(fault.message),
      ])
    }
    try Output.print(JSON.object(["findings": .array(list)]).prettyText)
  }
}

import ArgumentParser
import Registry
import SystemPackage

/// A registry over an image layout.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve an OCI image layout as a registry.",
    discussion: """
      Example: flywheel serve image --port 5000

      For local use and tests: no authentication, plain HTTP. What is pushed is kept in the layout, which is made with \
      the first push. Prints the address on standard output and runs until it is interrupted; with --verbose it prints \
      each request.
      """)

  @Argument(help: "The image layout's directory.", completion: .directory)
  var directory: String

  @Option(help: "The address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "The port; 0 takes one that is free.")
  var port = 5000

  @OptionGroup(title: "Output") var console: ConsoleOptions

  func validate() throws {
    guard (0...65_535).contains(port) else { throw ValidationError("--port must be between 0 and 65535") }
  }

  func run() async throws {
    try await reportingErrors {
      let server = try await RegistryServer.start(layout: FilePath(directory), host: host, port: port) {
        Console.detail("\($0)")
      }
      try Output.print("serving \(directory) at http://\(server.address)")
      await server.run()
    }
  }
}

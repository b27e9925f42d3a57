import ArgumentParser
import ImageAssembly
import ImageProject
import LayerGraph
import OCICore
import Registry
import SystemPackage
import Tarball

/// The one form of every error: what failed, where and why, what to do about it, and the code under which
/// docs/troubleshooting.md says more.
struct ErrorReport {
  let message: String
  /// The type and its code, `OCIError.notFound`; `nil` for what no library of ours has thrown.
  let code: String?
  let exitCode: Int32

  /// - Parameter subject: Of several things, the one that failed.
  init(_ error: any Error, of subject: String? = nil) {
    code = Self.code(of: error)
    exitCode = ExitStatus.code(for: error)
    let text = code == nil ? "unexpected: \(error); please report it, with what --verbose prints" : "\(error)"
    message = subject.map { "\($0): \(text)" } ?? text
  }

  /// What programs are told.
  var json: JSON.Object {
    [
      "code": code.map { .string($0) } ?? .null, "exitCode": .integer(exitCode), "message": .string(message),
    ]
  }

  /// Prints it: a line, or an event where programs listen.
  func show() {
    guard !Console.settings.isJSON else {
      var event: JSON.Object = ["event": "error"]
      for member in json.members { event[member.name] = member.value }
      return Console.event(event)
    }
    let note = code.map { Console.painted(" [\($0)]", .dim, on: .standardError) } ?? ""
    Console.say("\(Console.painted("error:", .red, on: .standardError)) \(message)\(note)")
  }

  private static func code(of error: any Error) -> String? {
    switch error {
    case let error as AssemblyError: "AssemblyError.\(error.code)"
    case let error as TarballError: "TarballError.\(error.code)"
    case let error as LayerGraphError: "LayerGraphError.\(error.code)"
    case let error as OCIError: "OCIError.\(error.code)"
    case let error as RegistryError: "RegistryError.\(error.code)"
    default: nil
    }
  }
}

extension Console {
  /// A fault of a project file: a line of its own that begins with its place, as editors want it.
  static func tell(_ fault: ProjectError) {
    guard settings.isJSON else { return say(fault.description) }
    var object: JSON.Object = [
      "event": fault.isWarning ? "warning" : "error",
      fault.isWarning ? "text" : "message": .string(fault.message),
    ]
    if !fault.isWarning {
      object["code"] = "ProjectError"
      object["exitCode"] = .integer(fault.isUnreadable ? 66 : 65)
    }
    object["file"] = .string(fault.file?.string ?? "")
    object["line"] = fault.line.map { .integer($0) } ?? .null
    object["column"] = fault.column.map { .integer($0) } ?? .null
    event(object)
  }

  /// Something that people have to know beside an error, and programs as an event.
  static func remark(_ text: String) {
    if settings.isJSON { event(["event": "remark", "text": .string(text)]) } else { say(text) }
  }
}

/// Runs a verb: errors are printed with their message and end the process with their number; an interrupt cancels, so
/// that nothing half-done is left behind.
func reportingErrors(_ body: @escaping @Sendable () async throws -> Void) async throws {
  defer { Console.clearStatus() }
  do {
    try await cancellingOnSignals(body)
  } catch let error as ExitCode {
    throw error
  } catch let faults as ProjectFaults {
    for fault in faults.faults { Console.tell(fault) }
    throw ExitCode(ExitStatus.code(for: faults))
  } catch let error as ValidationError {
    throw error
  } catch is CancellationError {
    let code = ExitStatus.code(for: CancellationError())
    if Console.settings.isJSON {
      Console.event(["event": "error", "code": "interrupted", "exitCode": .integer(code), "message": "interrupted"])
    } else {
      Console.say("interrupted; what was not complete is taken back")
    }
    throw ExitCode(code)
  } catch {
    let report = ErrorReport(error)
    report.show()
    throw ExitCode(report.exitCode)
  }
}

import ArgumentParser
import ImageAssembly
import ImageProject
import LayerGraph
import OCICore
import Registry
import Tarball

/// What the shell is told: one number for each thing a script may want to act on. Numbers up to 78 follow sysexits.h
/// where it has one that fits.
enum ExitStatus {
  static func code(for error: any Error) -> Int32 {
    switch error {
    case let error as AssemblyError: code(for: error)
    case let error as TarballError: code(for: error)
    case is LayerGraphError, is ProjectFaults: 65
    case let error as OCIError: code(for: error)
    case let error as RegistryError: code(for: error)
    case is CancellationError: 130
    default: 70
    }
  }

  private static func code(for error: AssemblyError) -> Int32 {
    switch error.code {
    case .storePathMissing, .nixUnavailable, .fileUnreadable: 66
    case .incompleteClosure: 67
    case .cyclicClosure: 68
    case .contentChanged: 74
    case .untrustedStorePath: 77
    default: 65
    }
  }

  private static func code(for error: TarballError) -> Int32 {
    switch error.code {
    case .unreadable: 66
    case .encodingNotHonoured: 71
    case .changed, .damaged: 74
    default: 65
    }
  }

  private static func code(for error: OCIError) -> Int32 {
    switch error.code {
    case .invalidReference: 78
    case .ioFailure, .unsafePath, .busy: 73
    case .notFound: 80
    default: 65
    }
  }

  private static func code(for error: RegistryError) -> Int32 {
    switch error.code {
    case .unreachable, .unavailable: 69
    case .connectionLost: 75
    case .protocolViolation: 76
    case .unauthorized, .credentialsUnavailable: 77
    case .invalidConfiguration, .blocked: 78
    case .notFound: 80
    default: 79
    }
  }
}

/// Runs a verb: errors are printed with their message and end the process with their number; an interrupt cancels, so
/// that nothing half-done is left behind.
func reportingErrors(_ body: @escaping @Sendable () async throws -> Void) async throws {
  do {
    try await cancellingOnSignals(body)
  } catch let error as ExitCode {
    throw error
  } catch let faults as ProjectFaults {
    // Each is a line of its own, with its place, as editors want it.
    for fault in faults.faults { printError(fault.description) }
    throw ExitCode(ExitStatus.code(for: faults))
  } catch let error as ValidationError {
    throw error
  } catch {
    let code = ExitStatus.code(for: error)
    printError(code == 130 ? "interrupted" : "error: \(error)")
    throw ExitCode(code)
  }
}

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
    case let faults as ProjectFaults: faults.faults.contains(where: \.isUnreadable) ? 66 : 65
    case is LayerGraphError: 65
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

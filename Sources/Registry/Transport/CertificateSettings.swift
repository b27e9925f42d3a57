internal import NIOSSL
internal import OCICore
public import SystemPackage

/// Which certificates to trust, and which to show: directories in the form of Docker's and podman's `certs.d`, where the
/// directory of a host, with its port, holds authorities as `*.crt` and client certificates as `*.cert` with `*.key`.
public struct CertificateSettings: Sendable, Hashable {
  /// The `certs.d` directories; the first that has a directory for the host counts.
  public var directories: [FilePath] = []
  /// Further authorities to trust everywhere, as PEM files.
  public var authorities: [FilePath] = []
  /// Where the system's authorities are, in place of the usual file.
  public var systemAuthorities: FilePath?

  /// The system's authorities alone.
  public init() {}

  /// The usual directories, and the file in `$SSL_CERT_FILE` in place of the system's authorities.
  public init(variable: (_ name: String) -> String?) {
    let home = variable("HOME").map { [FilePath($0).appending(".config/containers/certs.d")] } ?? []
    directories = home + ["/etc/containers/certs.d", "/etc/docker/certs.d"]
    if let file = variable("SSL_CERT_FILE"), !file.isEmpty { systemAuthorities = FilePath(file) }
  }

  /// The directory with the certificates for a host.
  func directory(for host: String) -> FilePath? {
    guard !host.contains("/"), host != "..", host != "." else { return nil }
    return directories.lazy.map { $0.appending(host) }.first { FileSystem.isDirectory($0) }
  }

  /// The TLS settings for a host.
  /// - Throws: `RegistryError.Code.invalidConfiguration`, naming the file.
  func configuration(for host: String, isVerified: Bool) throws -> TLSConfiguration {
    var tls = TLSConfiguration.makeClientConfiguration()
    if !isVerified { tls.certificateVerification = .none }
    if let systemAuthorities { tls.trustRoots = .file(systemAuthorities.string) }
    var trusted = try authorities.flatMap { try Self.certificates($0) }
    if let directory = directory(for: host) {
      let names = try FileSystem.names(in: directory)
      for name in names.sorted() where name.hasSuffix(".crt") {
        trusted += try Self.certificates(directory.appending(name))
      }
      if let name = names.sorted().first(where: { $0.hasSuffix(".cert") }) {
        let key = directory.appending(name.dropLast(5) + ".key")
        tls.certificateChain = try Self.certificates(directory.appending(name)).map { .certificate($0) }
        do {
          tls.privateKey = .privateKey(
            try NIOSSLPrivateKey(bytes: FileSystem.contents(of: key, limit: 1 << 20), format: .pem))
        } catch {
          throw Self.invalid(key, "is not a private key in PEM form (\(error))")
        }
      }
    }
    if !trusted.isEmpty { tls.additionalTrustRoots = [.certificates(trusted)] }
    return tls
  }

  private static func certificates(_ file: FilePath) throws -> [NIOSSLCertificate] {
    do {
      let certificates = try NIOSSLCertificate.fromPEMBytes(FileSystem.contents(of: file, limit: 16 << 20))
      guard !certificates.isEmpty else { throw invalid(file, "holds no certificate in PEM form") }
      return certificates
    } catch let error as RegistryError {
      throw error
    } catch {
      throw invalid(file, "is not a certificate in PEM form (\(error))")
    }
  }

  private static func invalid(_ file: FilePath, _ what: String) -> RegistryError {
    RegistryError(.invalidConfiguration, "'\(file)' \(what); mend it, or take it out of its directory")
  }
}

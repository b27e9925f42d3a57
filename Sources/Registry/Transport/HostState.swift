internal import OCICore
internal import Synchronization

/// What one registry has shown so far, and when it may be asked again. Shared by all that talk to it.
final class HostState: Sendable {
  struct Facts: Sendable {
    /// The row of the table, changed by what was seen.
    var profile: RegistryProfile
    /// Whether the row came from more than the absence of any sign.
    var isRecognised: Bool
    /// The limits for chunks that the registry announced.
    var announcedChunk: (minimum: Int64, maximum: Int64?)?
    /// When the next request may go.
    var notBefore: ContinuousClock.Instant?
    var warnings: Set<String> = []
  }

  /// What to call the registry in events.
  let name: String
  private let rows: [RegistryProfile]
  private let configuration: RegistryConfiguration
  private let facts: Mutex<Facts>

  init(host: String, _ configuration: RegistryConfiguration) {
    name = host
    self.configuration = configuration
    rows = configuration.profiles + RegistryProfile.table
    let row = rows.first { $0.signs.contains { Self.isHost($0, host) } }
    facts = Mutex(Facts(profile: row ?? .generic, isRecognised: row != nil))
  }

  var profile: RegistryProfile { facts.withLock(\.profile) }

  /// The limits for chunks that the registry announced.
  var announcedChunk: (minimum: Int64, maximum: Int64?)? { facts.withLock(\.announcedChunk) }

  /// Remembers something for the next time.
  func learn(_ change: (inout RegistryProfile) -> Void) { facts.withLock { change(&$0.profile) } }

  // MARK: What answers show

  /// Looks at an answer: who it is from, which pause it asks for, what it warns of.
  func note(_ response: Response) {
    let isRecognised = facts.withLock(\.isRecognised)
    if !isRecognised, let row = rows.first(where: { row in row.signs.contains { Self.isSign($0, in: response) } }) {
      facts.withLock {
        // Once: what is learnt from now on must not be forgotten with the next answer.
        $0.isRecognised = true
        $0.profile = row
      }
    }
    if let chunk = announcedChunk(in: response) { facts.withLock { $0.announcedChunk = chunk } }
    if [429, 503].contains(response.status), let (asked, wait) = response.retryAfter, wait > .zero {
      facts.withLock { $0.notBefore = max($0.notBefore ?? .now, .now + wait) }
      configuration.report(name, .throttled(pause: wait, asked: asked))
    }
    for text in response.allHeaders("Warning") { warn(text) }
  }

  /// `299 - "text"` (distribution-spec §Warnings); each text once.
  private func warn(_ header: String) {
    guard configuration.onEvent != nil, header.hasPrefix("299 - \""), header.hasSuffix("\"") else { return }
    let text = printable(String(header.dropFirst(7).dropLast()))
    let isNew = facts.withLock { $0.warnings.count < 100 && $0.warnings.insert(text).inserted }
    if isNew { configuration.report(name, .warning(text)) }
  }

  private func announcedChunk(in response: Response) -> (minimum: Int64, maximum: Int64?)? {
    let minimum = response.header("OCI-Chunk-Min-Length").flatMap { Int64($0) }
    let maximum = response.header("OCI-Chunk-Max-Length").flatMap { Int64($0) }
    guard minimum != nil || maximum != nil else { return nil }
    return (max(0, minimum ?? 0), maximum.flatMap { $0 > 0 ? $0 : nil })
  }

  private static func isHost(_ sign: RegistryProfile.Sign, _ host: String) -> Bool {
    guard case .host(let name) = sign else { return false }
    let host = host.prefix { $0 != ":" }
    return name.hasPrefix("*") ? host.hasSuffix(name.dropFirst()) : host == name || host.hasSuffix(".\(name)")
  }

  private static func isSign(_ sign: RegistryProfile.Sign, in response: Response) -> Bool {
    switch sign {
    case .host: false
    case .header(let name, let prefix):
      response.allHeaders(name).contains { $0.lowercased().hasPrefix(prefix.lowercased()) }
    case .service(let service):
      response.status == 401
        && AuthChallenge.parse(response.allHeaders("WWW-Authenticate")).contains { $0.parameters["service"] == service }
    case .uploadParameter(let name):
      response.status == 202
        && response.header("Location").flatMap { response.request.url.resolving($0) }?.query(name) != nil
    }
  }

  // MARK: Pauses

  /// Waits until the registry may be asked again: one answer that asks for patience holds up all requests.
  func waitForTurn() async throws {
    while let time = facts.withLock(\.notBefore), time > .now {
      try await Task.sleep(until: time, clock: .continuous)
    }
  }
}

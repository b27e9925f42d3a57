import Foundation
import OCICore
import OCITesting
import Registry
import Synchronization
import Testing

/// Images are pushed through faults drawn at random, and nothing is ever lost, wrong, early or left open.
///
/// Runs for a minute; for longer or shorter where `FLYWHEEL_FAULT_SECONDS` says so.
struct RandomFaultTests {
  private static let seconds = Int(ProcessInfo.processInfo.environment["FLYWHEEL_FAULT_SECONDS"] ?? "") ?? 60
  private static let alice = Credentials(user: "alice", password: "p")

  /// Draws what happens to each request; the same seed gives the same draws.
  private final class Weather: Sendable {
    private let generator: Mutex<SeededGenerator>
    let severity: Int
    /// What was done, to reproduce a failure.
    let log = Recorder<String>()
    private let isCalm = Mutex(false)

    init(seed: UInt64, severity: Int) {
      generator = Mutex(SeededGenerator(seed: seed))
      self.severity = severity
    }

    func calmDown() { isCalm.withLock { $0 = true } }

    func draw(_ method: String, _ path: String) -> RegistryFaults.Fault? {
      guard !isCalm.withLock({ $0 }) else { return nil }
      return generator.withLock { generator in
        guard Int.random(in: 0..<100, using: &generator) < severity else { return nil }
        let fault = Self.fault(method, path, &generator)
        if let fault { log.append("\(method) \(path.suffix(30)): \(fault)") }
        return fault
      }
    }

    private static func fault(
      _ method: String, _ path: String, _ generator: inout SeededGenerator
    ) -> RegistryFaults.Fault? {
      let bytes = Int.random(in: 0..<1_200_000, using: &generator)
      func answer(_ status: Int, headers: [String: String] = [:], body: String = "") -> RegistryFaults.Fault {
        .answer(RegistryFaults.Answer(path: "", status: status, headers: headers, body: body))
      }
      switch Int.random(in: 0..<14, using: &generator) {
      case 0, 1, 2: return .upload(.dropAfter(bytes: bytes))
      // Whoever never hears of a session cannot end it.
      case 3: return method == "POST" ? nil : .upload(.answerLost)
      case 4: return answer(429, headers: ["Retry-After": "0"])
      case 5: return answer(500)
      case 6: return answer(503, body: "<html><body>no <b>backend</b></body></html>")
      case 7: return answer(502, headers: ["Content-Type": "text/html"], body: "<!DOCTYPE html><p>bad gateway")
      case 8: return .drip(milliseconds: 1)
      case 9: return method == "GET" ? .cutAnswer(afterBytes: bytes / 4) : .upload(.dropAfter(bytes: bytes / 10))
      case 10 where path.contains("/uploads/"): return .range("0-\(bytes)")
      case 11 where path.contains("/uploads/"): return .missingHeaders(["Range"])
      case 12: return .missingHeaders(["Docker-Content-Digest"])
      case 13 where path.contains("/uploads/") && ["PUT", "PATCH", "GET"].contains(method):
        return answer(404, body: #"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"gone"}]}"#)
      default: return nil
      }
    }
  }

  @Test func nothingIsLostWrongEarlyOrLeftOpen() async throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    let end = ContinuousClock.now + .seconds(Self.seconds)
    var round: UInt64 = 0
    var (pushed, failed) = (0, 0)
    while .now < end {
      round += 1
      let succeeded = try await self.round(seed &+ round)
      if succeeded { pushed += 1 } else { failed += 1 }
    }
    print("random faults from seed \(seed): \(pushed) images pushed, \(failed) refused in \(Self.seconds) s")
    #expect(pushed > failed)
  }

  /// One registry, one old image under the tag, a new image pushed through bad weather.
  private func round(_ seed: UInt64) async throws -> Bool {
    var generator = SeededGenerator(seed: seed)
    let name = ProfileTests.names.randomElement(using: &generator) ?? "generic"
    var manners = try #require(RegistryManners.imitating(name))
    manners.hasImmutableTags = false
    var faults = RegistryFaults()
    if Bool.random(using: &generator) {
      faults.authentication = .bearer(Self.alice)
      faults.tokenServer.uses = Bool.random(using: &generator) ? 5 : nil
    }
    var configuration = RegistryConfiguration { _, _ in Self.alice }
    configuration.maximumAttempts = 12
    configuration.stallTimeout = 10
    let weather = Weather(seed: seed, severity: Int.random(in: 5...35, using: &generator))
    let source = MemoryStore()
    let (old, new) = (
      SampleImage(seed: seed), SampleImage(seed: seed &+ 1_000_000, layerSizes: [10, 300_000, 2 << 20, 3_500_000])
    )
    try await old.push(to: source, tags: [])
    try await new.push(to: source, tags: [])
    let root = new.manifest
    return try await withTestRegistry(faults: faults, manners: manners, configuration: configuration) { registry in
      let repository = try registry.repository()
      try await copy(old.manifest, from: source, to: repository, tags: ["latest"])
      registry.server.faults.decide = { method, path in path.contains("/token") ? nil : weather.draw(method, path) }
      var hasSucceeded = false
      do {
        try await copy(root, from: source, to: repository, tags: ["latest", "2"])
        hasSucceeded = true
      } catch is RegistryError {
        // Too much bad weather is allowed to be too much, if it is said.
      }
      weather.calmDown()
      let story = Comment(rawValue: "seed \(seed), \(name), weather:\n\(weather.log.values.joined(separator: "\n"))")
      #expect(registry.server.openUploads == 0, story)
      let named = try await repository.resolve("latest")?.digest
      // An answer that was lost may have moved the tag all the same, but only to something whole.
      #expect(named == root.digest || (!hasSucceeded && named == old.manifest.digest), story)
      if named == root.digest {
        let back = MemoryStore()
        try await copy(root, from: repository, to: back, tags: ["x"])
        for blob in new.blobs { #expect(try await back.exists(blob.descriptor), story) }
      }
      return hasSucceeded
    }
  }
}

import FuzzChecks
import SystemPackage
import Testing

/// What fuzzers start from and what they once found, `FuzzTesting/Seeds` and `FuzzTesting/FailCases`, keeps every rule.
struct FuzzCaseTests {
  private static func cases(_ kind: String, _ target: FuzzTarget) throws -> [(name: String, input: [UInt8])] {
    let directory = FilePath(#filePath).removingLastComponent().appending("../../FuzzTesting").appending(kind)
      .appending(target.rawValue)
    return try TestFiles.names(in: directory).map { ($0, try TestFiles.read(directory.appending($0))) }
  }

  @Test(arguments: FuzzTarget.allCases) func seedsAreAcceptedAndKeepEveryRule(target: FuzzTarget) throws {
    let seeds = try Self.cases("Seeds", target)
    #expect(!seeds.isEmpty)
    for (name, input) in seeds { #expect(try target.check(input), "\(name)") }
  }

  @Test(arguments: FuzzTarget.allCases) func oldFindingsKeepEveryRule(target: FuzzTarget) throws {
    let cases = try Self.cases("FailCases", target)
    #expect(!cases.isEmpty)
    for (name, input) in cases {
      do { try target.check(input) } catch { Issue.record("\(name): \(error)") }
    }
  }

  /// Half a seed, a seed with one byte changed, and two seeds in one: a small part of what a fuzzer tries, in every run.
  @Test(arguments: FuzzTarget.allCases) func mutatedSeedsKeepEveryRule(target: FuzzTarget) throws {
    var random = RandomDocuments(seed: 3)
    let seeds =
      try Self.cases("Seeds", target).map(\.input)
      + Self.cases("FailCases", target).map(\.input).filter { $0.count < 5000 }
    for _ in 0..<1500 {
      var input = random.pick(seeds)
      switch random.number(4) {
      case 0: input = Array(input.prefix(random.number(input.count + 1)))
      case 1: input.insert(contentsOf: random.pick(seeds), at: random.number(input.count + 1))
      default:
        for _ in 0..<(1 + random.number(3)) where !input.isEmpty {
          input[random.number(input.count)] = UInt8(random.number(256))
        }
      }
      do { try target.check(input) } catch {
        Issue.record("\(error): \(String(decoding: input, as: UTF8.self))")
        return
      }
    }
  }
}

import OCICore
import Testing

@testable import ImageAssembly

/// Configuration files as people write them.
struct ImageSettingsTests {
  @Test func theConfigObjectAloneAndAWholeConfigurationMeanTheSame() throws {
    let alone = try ImageSettings(parsing: Array(#"{"Entrypoint":["/x"],"user":"1"}"#.utf8))
    let whole = try ImageSettings(
      parsing: Array(#"{"Config":{"entrypoint":["/x"],"User":"1"},"rootfs":{"type":"layers","diff_ids":["old"]}}"#.utf8)
    )
    #expect(alone == whole)
    #expect(alone.runtime.entrypoint == ["/x"])
  }

  @Test func aWholeConfigurationKeepsPlatformAndUnknownMembers() throws {
    let settings = try ImageSettings(
      parsing: Array(
        #"{"architecture":"arm64","OS":"linux","variant":"v8","author":"me","config":{},"docker_version":"1"}"#.utf8))
    #expect(settings.platform == Platform(architecture: "arm64", os: "linux", variant: "v8"))
    #expect(settings.author == "me")
    #expect(settings.other["docker_version"] == .string("1"))
  }

  @Test(arguments: [
    ("{", "line 1, column 2"), ("[]", "config must be an object"), (#"{"Env":["x"]}"#, "config.Env[0]"),
    (#"{"os":"linux","config":{}}"#, "config.architecture"),
    (#"{"config":{},"entrypoint":["y"]}"#, "config.entrypoint"), (#"{"config":{"Cmd":"x"}}"#, "config.config.Cmd"),
  ])
  func whatIsWrongIsNamed(text: String, place: String) {
    let error = #expect(throws: OCIError.self) { try ImageSettings(parsing: Array(text.utf8)) }
    #expect(error?.message.hasPrefix(place) == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:01Z"), (951_782_399, "2000-02-28T23:59:59Z"),
    (951_782_400, "2000-02-29T00:00:00Z"), (1_709_164_800, "2024-02-29T00:00:00Z"),
    (4_107_542_399, "2100-02-28T23:59:59Z"), (4_107_542_400, "2100-03-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
    (253_402_300_799, "9999-12-31T23:59:59Z"),
  ])
  func timestampsAreThoseOfTheCalendar(seconds: Int64, text: String) {
    #expect(Timestamp.text(seconds) == text)
    #expect(Timestamp.isValid(text))
  }

  @Test(arguments: ["2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00+02:00", "0001-01-01T00:00:00Z"])
  func otherTimestampsOfTheRFCAreValid(text: String) {
    #expect(Timestamp.isValid(text))
  }

  @Test(arguments: [
    "", "yesterday", "2026-01-31", "2026-01-31T12:00:00", "2026-13-01T00:00:00Z", "2026-01-31T12:00:00.Z",
    "2026-01-31 12:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:00:00Zx",
  ])
  func whatIsNoTimestampIsNot(text: String) {
    #expect(!Timestamp.isValid(text))
  }
}

import Testing

@testable import Registry

struct RegistryURLTests {
  @Test(arguments: [
    ("https://r.io/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/1?state=x", "https://r.io/v2/a/blobs/uploads/1?state=x"),
    ("https://r.io/v2/a/", "https://other.io:8443/u?s=1#f", "https://other.io:8443/u?s=1"),
    ("https://r.io/v2/a/blobs/uploads/", "1?s=2", "https://r.io/v2/a/blobs/uploads/1?s=2"),
    ("https://r.io/v2/a/b", "?s=2", "https://r.io/v2/a/b?s=2"),
    ("https://r.io/v2/", "//cdn.io/x", "https://cdn.io/x"),
    ("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5000/u", "http://127.0.0.1:5000/u"),
    ("http://r.io/v2/", "HTTPS://R.io/u", "https://r.io/u"),
    // A registry behind a TLS proxy that believes in plain HTTP.
    ("https://r.io:8443/v2/", "http://r.io/u", "https://r.io:8443/u"),
    ("https://r.io/v2/", "http://evil.io/u", nil),
    ("https://r.io/v2/", "https://user@r.io/u", nil),
    ("https://r.io/v2/", "ftp://r.io/u", nil),
    ("https://r.io/v2/", "https:///u", nil),
    ("https://r.io/v2/", "/a b", nil),
    ("https://r.io/v2/", "/a\r\nX: y", nil),
    ("https://r.io/v2/", "", nil),
  ])
  func locationsAreResolved(base: String, location: String, expected: String?) throws {
    let base = try #require(RegistryURL(base))
    #expect(base.resolving(location)?.description == expected)
  }

  @Test(arguments: [
    ("https://r.io/u", "https://r.io/u?digest=sha256%3Aab"),
    ("https://r.io/u?_state=a%2Bb==", "https://r.io/u?_state=a%2Bb==&digest=sha256%3Aab"),
    ("https://r.io/u?", "https://r.io/u?digest=sha256%3Aab"),
  ])
  func queriesAreKept(url: String, expected: String) throws {
    #expect(try #require(RegistryURL(url)).appendingQuery("digest", "sha256:ab").description == expected)
  }

  @Test(arguments: [
    ("https://r.io/a", "https://R.io:443/b", true), ("http://r.io/a", "http://r.io:80/b", true),
    ("https://r.io/a", "http://r.io/a", false), ("https://r.io/a", "https://cdn.r.io/a", false),
    ("https://r.io:1/a", "https://r.io:2/a", false), ("https://[::1]/a", "https://[::1]:443/a", true),
  ])
  func credentialsStayWithTheirOrigin(left: String, right: String, isSame: Bool) throws {
    #expect(try #require(RegistryURL(left)).hasSameOrigin(as: try #require(RegistryURL(right))) == isSame)
  }

  @Test(arguments: [
    ("https://r.io/", "https://cdn.io/x", true), ("https://r.io/", "https://10.0.0.1/x", false),
    ("https://r.io/", "https://127.0.0.1/x", false), ("https://r.io/", "https://[::1]/x", false),
    ("https://r.io/", "https://169.254.169.254/latest", false), ("https://r.io/", "https://localhost:1/x", false),
    ("https://r.io/", "https://172.16.0.1/x", false), ("https://r.io/", "https://172.32.0.1/x", true),
    ("https://r.io/", "https://[::ffff:10.0.0.1]/x", false), ("https://r.io/", "https://[fd00::1]/x", false),
    ("https://r.io/", "https://2130706433/x", false), ("https://r.io/", "https://0x7f.1/x", false),
    ("https://10.0.0.5/", "https://10.0.0.1/x", true), ("http://localhost:5000/", "http://127.0.0.1:81/x", true),
    ("https://registry/", "https://10.0.0.1/x", true), ("https://8.8.8.8/", "https://192.168.1.1/x", false),
  ])
  func aPublicRegistryDoesNotSendUsToPrivateAddresses(from: String, to: String, isAllowed: Bool) throws {
    let (origin, target) = (try #require(RegistryURL(from)), try #require(RegistryURL(to)))
    #expect(target.mayBeReached(from: origin) == isAllowed)
  }

  @Test(
    arguments: [
      ("0-99", false, 100), ("bytes=0-99", false, 100), ("bytes=0-100", true, 100), ("0--1", false, 0),
      ("0-0", false, nil),
      ("", false, nil), ("1-99", false, nil), ("0-", false, nil), ("0-x", false, nil), ("0-99/100", false, nil),
      ("0-9223372036854775807", false, nil), ("0-99999999999999999999", false, nil), (nil, false, nil),
      ("BYTES=0-5", false, 6), ("0-+5", false, nil),
    ] as [(String?, Bool, Int64?)])
  func theStatusOfAnUploadIsReadWithCare(range: String?, counts: Bool, offset: Int64?) {
    #expect(UploadStatus(range: range, counts: counts).offset == offset)
  }
}

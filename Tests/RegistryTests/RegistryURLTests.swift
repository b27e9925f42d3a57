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
}

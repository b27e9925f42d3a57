import Testing

@testable import Registry

struct RetryPolicyTests {
  @Test(arguments: [
    ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000), ("Fri, 31 Dec 1999 23:59:59 GMT", 946_684_799),
    ("yesterday", nil), ("Sun, 06 Foo 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:49 GMT", nil),
  ])
  func httpDatesAreRead(text: String, seconds: Int64?) {
    #expect(RetryPolicy.seconds(httpDate: text) == seconds)
  }

  @Test func retryAfterIsReadInBothForms() {
    #expect(RetryPolicy.retryAfter("7", date: nil) == .seconds(7))
    #expect(RetryPolicy.retryAfter("100000", date: nil) == .seconds(86_400))
    #expect(RetryPolicy.retryAfter("-1", date: nil) == nil)
    #expect(RetryPolicy.retryAfter("880.092µs", date: nil) == nil)
    let now = "Sun, 06 Nov 1994 08:49:37 GMT"
    #expect(RetryPolicy.retryAfter("Sun, 06 Nov 1994 08:49:40 GMT", date: now) == .seconds(3))
    #expect(RetryPolicy.retryAfter("Sun, 06 Nov 1994 08:49:00 GMT", date: now) == .seconds(0))
    #expect(RetryPolicy.retryAfter(nil, date: now) == nil)
    // Without the registry's clock, ours has to do.
    #expect(RetryPolicy.retryAfter(now, date: nil) == .seconds(0))
    #expect(RetryPolicy.retryAfter("Fri, 31 Dec 2199 23:59:59 GMT", date: nil) == .seconds(86_400))
  }

  @Test(arguments: 1...40) func pausesGrowAndAreBounded(attempt: Int) {
    let delay = RetryPolicy.delay(afterAttempt: attempt, retryAfter: nil)
    #expect(delay >= .milliseconds(125) && delay <= .seconds(10))
    #expect(RetryPolicy.delay(afterAttempt: attempt, retryAfter: .seconds(3)) == .seconds(3))
  }

  @Test func errorBodiesAreExplained() {
    let json = Array(#"{"errors":[{"code":"DENIED","message":"no\nway"},{"code":"X"}]}"#.utf8)
    let explained = Response.explanation(json)
    #expect(explained.codes == ["DENIED", "X"])
    #expect(explained.text == "DENIED: no way; X")
    let html = Response.explanation(Array("<html>\u{1b}[31m".utf8) + [UInt8](repeating: 65, count: 1000))
    #expect(html.codes.isEmpty)
    #expect(html.text.count == 301 && !html.text.contains("\u{1b}"))
    #expect(Response.explanation([]).text == "")
  }
}

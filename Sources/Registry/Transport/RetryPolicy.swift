internal import HostSystem

/// When to try again, and after how long.
enum RetryPolicy {
  /// Statuses that another attempt may not meet.
  static let statuses: Set<Int> = [408, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524]

  /// Error codes by which a registry asks for patience, whatever the status.
  static let throttleCodes: Set<String> = ["TOOMANYREQUESTS"]

  /// Error codes of an upload session that the registry has lost; a new session may do.
  static let errorCodes: Set<String> = ["BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "TOOMANYREQUESTS"]

  /// How long to wait after a failed attempt; the first is 1. Doubles from a quarter of a second up to ten seconds, and
  /// varies by half, so that many clients do not come back at once. What the registry asks for counts instead.
  static func delay(afterAttempt attempt: Int, retryAfter: Duration?) -> Duration {
    if let retryAfter { return retryAfter }
    let seconds = min(10, 0.25 * Double(1 << min(attempt - 1, 10)))
    return .milliseconds(Int(seconds * Double.random(in: 500...1000)))
  }

  /// The wait that a `Retry-After` header asks for: seconds, or a date, which is compared with the registry's own
  /// `Date` header because clocks differ, and with our clock where it has none.
  static func retryAfter(_ value: String?, date: String?) -> Duration? {
    guard let value else { return nil }
    if let seconds = Int64(value) { return seconds >= 0 ? .seconds(min(seconds, 86_400)) : nil }
    guard let then = seconds(httpDate: value) else { return nil }
    let now = date.flatMap(seconds(httpDate:)) ?? Int64(time(nil))
    return .seconds(min(max(0, then - now), 86_400))
  }

  /// The seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
  static func seconds(httpDate text: String) -> Int64? {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", let day = Int64(words[1]), (1...31).contains(day),
      let month = months.firstIndex(of: String(words[2])), let year = Int64(words[3]), (1970...9999).contains(year)
    else { return nil }
    let clock = words[4].split(separator: ":").compactMap { Int64($0) }
    guard clock.count == 3, clock.allSatisfy({ (0...60).contains($0) }) else { return nil }
    // Days by the proleptic Gregorian calendar, in years that begin in March, where the leap day comes last.
    let shifted = month < 2 ? year - 1 : year
    let dayOfYear = (153 * ((Int64(month) + 10) % 12) + 2) / 5 + day - 1
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719468
    return days * 86400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
  }
}

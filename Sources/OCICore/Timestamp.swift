/// Points in time as images write them, without a clock or a time zone.
package enum Timestamp {
  /// `YYYY-MM-DDThh:mm:ssZ` (RFC 3339) of seconds since 1970.
  package static func text(_ seconds: Int64) -> String {
    let days = seconds.flooringQuotient(86_400)
    let time = seconds - days * 86_400
    // The proleptic Gregorian calendar in eras of 400 years, each year begun in March so that the leap day is last.
    let shifted = days + 719_468
    let era = shifted.flooringQuotient(146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return
      "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(padded(time / 3600, 2)):\(padded(time / 60 % 60, 2)):\(padded(time % 60, 2))Z"
  }

  /// Whether a text is a point in time by RFC 3339: date, `T`, time, perhaps a fraction, and `Z` or an offset.
  package static func isValid(_ text: String) -> Bool {
    func matches(_ bytes: ArraySlice<UInt8>, _ shape: String) -> Bool {
      bytes.count == shape.utf8.count
        && zip(bytes, shape.utf8).allSatisfy { $1 == UInt8(ascii: "0") ? isDigit($0) : $0 == $1 }
    }
    var rest = Array(text.utf8)[...]
    guard matches(rest.prefix(19), "0000-00-00T00:00:00") else { return false }
    let numbers = text.split { !$0.isNumber }.prefix(6).compactMap { Int($0) }
    guard numbers.count == 6, (1...12).contains(numbers[1]), numbers[3] < 24, numbers[4] < 60, numbers[5] <= 60,
      (1...days(inMonth: numbers[1], of: numbers[0])).contains(numbers[2])
    else { return false }
    rest = rest.dropFirst(19)
    if rest.first == UInt8(ascii: ".") {
      let fraction = rest.dropFirst().prefix(while: isDigit)
      guard !fraction.isEmpty else { return false }
      rest = rest.dropFirst(1 + fraction.count)
    }
    return rest.elementsEqual([UInt8(ascii: "Z")]) || matches(rest, "+00:00") || matches(rest, "-00:00")
  }

  private static func days(inMonth month: Int, of year: Int) -> Int {
    let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
    return switch month {
    case 2: isLeap ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}

extension Int64 {
  fileprivate func flooringQuotient(_ divisor: Int64) -> Int64 {
    self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
  }
}

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
  package static func isValid(_ text: String) -> Bool { seconds(text) != nil }

  /// The seconds since 1970 of such a text, without its fraction; `nil` for any other.
  package static func seconds(_ text: String) -> Int64? {
    let bytes = text.utf8.span
    var position = 0
    func number(_ digits: Int) -> Int? {
      guard position + digits <= bytes.count else { return nil }
      var value = 0
      for _ in 0..<digits {
        guard isDigit(bytes[position]) else { return nil }
        value = value * 10 + Int(bytes[position] - UInt8(ascii: "0"))
        position += 1
      }
      return value
    }
    func skip(_ byte: Unicode.Scalar) -> Bool {
      guard position < bytes.count, bytes[position] == UInt8(ascii: byte) else { return false }
      position += 1
      return true
    }
    guard let year = number(4), skip("-"), let month = number(2), skip("-"), let day = number(2), skip("T"),
      let hour = number(2), skip(":"), let minute = number(2), skip(":"), let second = number(2),
      (1...12).contains(month), (1...days(inMonth: month, of: year)).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    var offset: Int64 = 0
    if skip(".") {
      guard number(1) != nil else { return nil }
      while number(1) != nil {}
    }
    if !skip("Z") {
      let isEast = skip("+")
      guard isEast || skip("-"), let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60
      else { return nil }
      offset = Int64(hours * 3600 + minutes * 60) * (isEast ? 1 : -1)
    }
    guard position == bytes.count else { return nil }
    // The inverse of what `text` does.
    let shifted = Int64(month <= 2 ? year - 1 : year)
    let era = shifted.flooringQuotient(400)
    let yearOfEra = shifted - era * 400
    let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    return days * 86_400 + Int64(hour * 3600 + minute * 60 + second) - offset
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

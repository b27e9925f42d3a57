/// How a container's health is found out: Docker's `Healthcheck`, which image-spec tools keep without knowing it.
public struct HealthCheck: Sendable, Hashable {
  /// The command: `["CMD", …]`, `["CMD-SHELL", "…"]`, or `["NONE"]` to do without an inherited check.
  public var test: [String]?
  /// The time between two checks.
  public var interval: Duration?
  /// The time after which a check has failed.
  public var timeout: Duration?
  /// The time a container has to start, in which failures do not count.
  public var startPeriod: Duration?
  /// The time between two checks while the container starts.
  public var startInterval: Duration?
  /// How many failures in a row make a container unhealthy.
  public var retries: Int64?
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// Creates a check. Durations are kept to the nanosecond.
  public init(
    test: [String]? = nil, interval: Duration? = nil, timeout: Duration? = nil, startPeriod: Duration? = nil,
    startInterval: Duration? = nil, retries: Int64? = nil
  ) {
    self.test = test
    self.interval = interval
    self.timeout = timeout
    self.startPeriod = startPeriod
    self.startInterval = startInterval
    self.retries = retries
  }

  /// No check, not even an inherited one.
  public static let none = HealthCheck(test: ["NONE"])

  init(_ json: JSON, path: String) throws(OCIError) {
    var fields = try FieldReader(json, path: path)
    test = try fields.strings("Test")
    interval = try fields.nanoseconds("Interval")
    timeout = try fields.nanoseconds("Timeout")
    startPeriod = try fields.nanoseconds("StartPeriod")
    startInterval = try fields.nanoseconds("StartInterval")
    retries = try fields.integer("Retries")
    other = fields.remainder
  }

  var json: JSON {
    var object = JSON.Object()
    if let test { object.append("Test", .strings(test)) }
    for (name, duration) in durations {
      if let duration { object.append(name, .integer(duration.nanoseconds)) }
    }
    if let retries { object.append("Retries", .integer(retries)) }
    object.merge(other)
    return .object(object)
  }

  var durations: [(name: String, value: Duration?)] {
    [("Interval", interval), ("Timeout", timeout), ("StartPeriod", startPeriod), ("StartInterval", startInterval)]
  }
}

extension FieldReader {
  fileprivate mutating func nanoseconds(_ field: String) throws(OCIError) -> Duration? {
    try integer(field).map(Duration.nanoseconds)
  }
}

extension Duration {
  /// Whole nanoseconds, as Go's `time.Duration` counts them; at most its range, about 292 years.
  fileprivate var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, isTooMuch) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, isOver) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return isTooMuch || isOver ? (seconds < 0 ? .min : .max) : sum
  }
}

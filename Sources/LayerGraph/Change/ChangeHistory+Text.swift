extension ChangeHistory {
  /// The history as text, to be kept with a plan: a line for each name (`N`, with the versions it was there, its
  /// departures, and those of its own), each transition (`T`, the names that left) and each path of the last version
  /// (`L`, its name and what it refers to).
  public var text: String {
    var lines = ["H 1 \(versionCount) \(cascades.followed) \(cascades.all)"]
    for (name, number) in names.sorted(by: { $0.value < $1.value }) {
      let record = records[Int(number)]
      lines.append("N \(Self.escaped(name)) \(record.age) \(record.departures) \(record.ownDepartures)")
    }
    for transition in transitions { lines.append((["T"] + transition.map(String.init)).joined(separator: " ")) }
    let paths = last.keys.sorted(by: byteOrder)
    var place: [String: Int] = [:]
    for (index, path) in paths.enumerated() { place[path] = index }
    for path in paths {
      guard let own = last[path] else { continue }
      let references = own.references.compactMap { place[$0] }.map(String.init)
      lines.append((["L", Self.escaped(path), String(own.name)] + references).joined(separator: " "))
    }
    return lines.joined(separator: "\n")
  }

  /// Reads what `text` gives.
  /// - Throws: `LayerGraphError.Code.invalidHistory`, naming the line.
  public init(text: String) throws(LayerGraphError) {
    self.init()
    var paths: [(path: String, name: Int32, references: [Int])] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let fields = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      guard try read(fields, isFirst: index == 0, &paths) else {
        throw LayerGraphError(.invalidHistory, "line \(index + 1) of the history kept with the plan is broken")
      }
    }
    let isSound =
      transitions.joined().allSatisfy { records.indices.contains(Int($0)) }
      && paths.allSatisfy { path in
        records.indices.contains(Int(path.name)) && path.references.allSatisfy(paths.indices.contains)
      }
    guard isSound, transitions.count <= Self.transitionLimit, names.count == records.count else {
      throw LayerGraphError(
        .invalidHistory, "the history kept with the plan refers to a name or a path that it does not have")
    }
    for path in paths { last[path.path] = Last(name: path.name, references: path.references.map { paths[$0].path }) }
  }

  private mutating func read(
    _ fields: [String], isFirst: Bool, _ paths: inout [(path: String, name: Int32, references: [Int])]
  ) throws(LayerGraphError) -> Bool {
    let numbers = fields.dropFirst().map { Int32($0).flatMap { $0 >= 0 ? $0 : nil } }
    switch (fields.first, isFirst) {
    case ("H", true):
      let values = numbers.compactMap(\.self)
      guard values.count == 4, fields.count == 5, values[0] == 1 else { return false }
      versionCount = Int(values[1])
      cascades = (Int(values[2]), Int(values[3]))
    case ("N", false):
      guard fields.count == 5, let name = Self.unescaped(fields[1]), let age = numbers[1], let departures = numbers[2],
        let own = numbers[3]
      else { return false }
      names[name] = Int32(records.count)
      records.append(Record(age: age, departures: departures, ownDepartures: own))
    case ("T", false):
      guard numbers.allSatisfy({ $0 != nil }) else { return false }
      transitions.append(numbers.compactMap(\.self))
    case ("L", false):
      guard fields.count >= 3, let path = Self.unescaped(fields[1]), numbers.dropFirst().allSatisfy({ $0 != nil })
      else {
        return false
      }
      let values = numbers.dropFirst().compactMap(\.self)
      paths.append((path, values[0], values.dropFirst().map(Int.init)))
    default: return false
    }
    return true
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "%": result += "%25"
      case " ": result += "%20"
      case "\n": result += "%0A"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func unescaped(_ text: String) -> String? {
    let parts = text.split(separator: "%", omittingEmptySubsequences: false)
    var result = String(parts[0])
    for part in parts.dropFirst() {
      switch part.prefix(2) {
      case "25": result += "%"
      case "20": result += " "
      case "0A": result += "\n"
      default: return nil
      }
      result += part.dropFirst(2)
    }
    return result
  }
}

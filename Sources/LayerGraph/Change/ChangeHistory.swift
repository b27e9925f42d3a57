/// What is known from earlier versions: how often each path changed, and what changed together.
///
/// Paths are recognised across versions by name, without hash and version. The history is a summary: its size is that
/// of the names and of the last changes, not of the versions recorded.
public struct ChangeHistory: Sendable {
  /// The most transitions whose changed paths are remembered.
  static let transitionLimit = 128

  struct Record: Sendable {
    /// Transitions at whose start the name was there.
    var age: Int32 = 0
    /// Those in which it left, or came back as another path.
    var departures: Int32 = 0
    /// Those of them in which nothing it refers to left.
    var ownDepartures: Int32 = 0
  }

  /// The numbers of names.
  var names: [String: Int32] = [:]
  /// What is known of each name.
  var records: [Record] = []
  /// For the last transitions, oldest first: the names that left.
  var transitions: [[Int32]] = []
  /// References whose target left: in how many cases what refers left too.
  var cascades = (followed: 0, all: 0)
  var last: [String: Last] = [:]

  struct Last: Sendable {
    var name: Int32
    var references: [String]
  }

  /// The number of versions recorded.
  public internal(set) var versionCount = 0

  /// A history of nothing.
  public init() {}

  /// Adds the next version of an image.
  public mutating func record(_ graph: StoreGraph) {
    versionCount += 1
    var current: [String: Last] = [:]
    current.reserveCapacity(graph.nodes.count)
    for node in graph.nodes {
      let name = last[node.path]?.name ?? number(of: StorePathName(node.path).text)
      current[node.path] = Last(name: name, references: node.references)
    }
    if versionCount > 1 { compare(with: current) }
    last = current
  }

  private mutating func number(of name: String) -> Int32 {
    if let known = names[name] { return known }
    let number = Int32(records.count)
    names[name] = number
    records.append(Record())
    return number
  }

  private mutating func compare(with current: [String: Last]) {
    var departed: Set<Int32> = []
    for (path, old) in last {
      let record = Int(old.name)
      records[record].age += 1
      let hasLeft = current[path] == nil
      var hasReason = false
      for reference in old.references where current[reference] == nil {
        hasReason = true
        cascades.all += 1
        if hasLeft { cascades.followed += 1 }
      }
      guard hasLeft else { continue }
      departed.insert(old.name)
      records[record].departures += 1
      if !hasReason { records[record].ownDepartures += 1 }
    }
    // A version without any change says nothing about what changes together.
    guard !departed.isEmpty else { return }
    transitions.append(departed.sorted())
    if transitions.count > Self.transitionLimit { transitions.removeFirst() }
  }

  /// Whether what refers to a changed path changes with it: so in a Nix store, unless the history shows otherwise.
  var isCascading: Bool { cascades.all < 10 || cascades.followed * 10 >= cascades.all * 9 }
}

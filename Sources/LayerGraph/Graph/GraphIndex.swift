/// A store graph as numbers: what every algorithm here walks.
///
/// Nodes have the numbers of `StoreGraph.nodes`. Edges are held in two flat arrays a direction, so 100,000 paths cost
/// a few megabytes.
struct GraphIndex: Sendable {
  /// A list of neighbours for every node, in one array.
  struct Adjacency: Sendable {
    fileprivate(set) var starts: [Int32]
    fileprivate(set) var targets: [Int32]

    /// The neighbours of a node, ascending.
    subscript(node: Int) -> ArraySlice<Int32> { targets[Int(starts[node])..<Int(starts[node + 1])] }
  }

  /// What a node refers to.
  let references: Adjacency
  /// What refers to a node.
  let dependents: Adjacency
  /// The nodes, references before what refers to them; the nodes of a cycle stand together.
  let order: [Int32]
  /// The number of each node's component: nodes of one cycle share it. Components are numbered as `order` meets them,
  /// so references have lower numbers.
  let component: [Int32]
  /// How many components there are: as many as nodes where there is no cycle.
  let componentCount: Int

  /// The number of nodes.
  var count: Int { component.count }

  /// Indexes a graph.
  init(_ graph: StoreGraph) {
    let nodes = graph.nodes
    var number: [String: Int32] = [:]
    number.reserveCapacity(nodes.count)
    for (index, node) in nodes.enumerated() { number[node.path] = Int32(index) }
    self.init(nodes.map { node in node.references.compactMap { number[$0] } })
  }

  /// Indexes lists of references.
  init(_ lists: [[Int32]]) {
    var references = Adjacency(starts: [0], targets: [])
    references.starts.reserveCapacity(lists.count + 1)
    for list in lists {
      references.targets += list.sorted()
      references.starts.append(Int32(references.targets.count))
    }
    self.references = references
    dependents = references.reversed()
    (order, component, componentCount) = references.components()
  }
}

extension GraphIndex.Adjacency {
  fileprivate func reversed() -> Self {
    let count = starts.count - 1
    var result = Self(
      starts: [Int32](repeating: 0, count: count + 1), targets: [Int32](repeating: 0, count: targets.count))
    for target in targets { result.starts[Int(target) + 1] += 1 }
    for node in 0..<count { result.starts[node + 1] += result.starts[node] }
    var next = result.starts
    for node in 0..<count {
      for target in self[node] {
        result.targets[Int(next[Int(target)])] = Int32(node)
        next[Int(target)] += 1
      }
    }
    return result
  }

  /// Tarjan's algorithm, with a stack of its own: no depth of a graph meets the thread's.
  fileprivate func components() -> (order: [Int32], component: [Int32], count: Int) {
    let count = starts.count - 1
    var order: [Int32] = []
    order.reserveCapacity(count)
    var component = [Int32](repeating: -1, count: count)
    var components: Int32 = 0
    var discovered = [Int32](repeating: -1, count: count)
    var low = [Int32](repeating: 0, count: count)
    var open: [Int32] = []
    var path: [Int32] = []
    var next = starts
    var time: Int32 = 0
    for root in 0..<count where discovered[root] < 0 {
      path.append(Int32(root))
      while let top = path.last {
        let node = Int(top)
        if discovered[node] < 0 {
          discovered[node] = time
          low[node] = time
          time += 1
          open.append(top)
        }
        if next[node] < starts[node + 1] {
          let target = Int(targets[Int(next[node])])
          next[node] += 1
          if discovered[target] < 0 {
            path.append(Int32(target))
          } else if component[target] < 0 {
            low[node] = min(low[node], discovered[target])
          }
          continue
        }
        path.removeLast()
        if let parent = path.last { low[Int(parent)] = min(low[Int(parent)], low[node]) }
        guard low[node] == discovered[node] else { continue }
        let first = open.lastIndex(of: top) ?? 0
        for member in open[first...].sorted() {
          component[Int(member)] = components
          order.append(member)
        }
        open.removeSubrange(first...)
        components += 1
      }
    }
    return (order, component, Int(components))
  }
}

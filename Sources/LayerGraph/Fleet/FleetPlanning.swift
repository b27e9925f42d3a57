/// The work of planning a fleet: paths and images are numbers here.
struct FleetPlanning {
  private let request: FleetRequest
  private let union: StoreGraph
  private let sizes: [Double]
  private let model: ChangeModel
  /// Images in the order of their names, so that no order of the request matters.
  private let images: [FleetRequest.Image]
  /// The paths of each image, ascending.
  private let paths: [[Int32]]
  private var layers: [Layer] = []
  private var number: [[Int32]: Int] = [:]
  /// The layers of each image.
  private var used: [Set<Int>]
  /// How many of the layers come from the previous plan; they are the first.
  private var keptCount = 0

  private struct Layer {
    var items: [Int32]
    var reason: String
    var images: [Int] = []
  }

  init(_ request: FleetRequest, _ union: StoreGraph) {
    self.request = request
    self.union = union
    sizes = union.nodes.map { Double($0.size) }
    model = ChangeModel(union, GraphIndex(union), request.history)
    images = request.images.sorted { byteOrder($0.name, $1.name) }
    var index: [String: Int32] = [:]
    index.reserveCapacity(union.nodes.count)
    for (item, node) in union.nodes.enumerated() { index[node.path] = Int32(item) }
    // Both lists are in the order of paths, so the numbers ascend.
    paths = images.map { image in image.graph.nodes.compactMap { index[$0.path] } }
    used = .init(repeating: [], count: images.count)
    keepPrevious(index)
  }

  mutating func plan() -> FleetPlan {
    makeRoom()
    placeClasses()
    divide()
    return result()
  }

  // MARK: What is kept

  /// Gives each image the previous layers that it still has all paths of: its own first, then the largest of the
  /// others.
  private mutating func keepPrevious(_ index: [String: Int32]) {
    guard let previous = request.previous else { return }
    let clean = previous.layers.map { layer -> [Int32]? in
      let items = layer.paths.compactMap { index[$0] }
      return items.count == layer.paths.count && !items.isEmpty ? items.sorted() : nil
    }
    let bytes = previous.layers.map(\.bytes)
    let bySize = clean.indices.filter { clean[$0] != nil }.sorted { (bytes[$0], $1) > (bytes[$1], $0) }
    var isOpen = [Bool](repeating: false, count: union.nodes.count)
    for image in images.indices {
      for item in paths[image] { isOpen[Int(item)] = true }
      let own = previous.images[images[image].name] ?? []
      for candidate in own + bySize where clean.indices.contains(candidate) {
        guard let items = clean[candidate], items.allSatisfy({ isOpen[Int($0)] }) else { continue }
        for item in items { isOpen[Int(item)] = false }
        use(items, by: image, reason: "kept: nothing in it changed")
      }
      for item in paths[image] { isOpen[Int(item)] = false }
    }
    keptCount = layers.count
  }

  private mutating func use(_ items: [Int32], by image: Int, reason: String) {
    let layer: Int
    if let known = number[items] {
      layer = known
    } else {
      layer = layers.count
      number[items] = layer
      layers.append(Layer(items: items, reason: reason))
    }
    if used[image].insert(layer).inserted { layers[layer].images.append(image) }
  }

  private mutating func drop(_ layer: Int, by image: Int) {
    used[image].remove(layer)
    layers[layer].images.removeAll { $0 == image }
  }

  /// Images that lack a layer for what is not kept give up what is worth least to be shared.
  private mutating func makeRoom() {
    for image in images.indices {
      let limit = images[image].maximumLayers
      while used[image].count > limit || (used[image].count == limit && !open(image).isEmpty) {
        let least = used[image].min { left, right in
          let (a, b) = (worth(left), worth(right))
          return a != b ? a < b : left < right
        }
        guard let least else { break }
        drop(least, by: image)
      }
    }
  }

  /// What an image saves by sharing a layer, and by not sending it again.
  private func worth(_ layer: Int) -> Double { bytes(layers[layer].items) * Double(layers[layer].images.count) }

  private func bytes(_ items: some Sequence<Int32>) -> Double { items.reduce(0) { $0 + sizes[Int($1)] } }

  /// The paths of an image that no layer of it has.
  private func open(_ image: Int) -> [Int32] {
    guard !used[image].isEmpty else { return paths[image] }
    let covered = Set(used[image].flatMap { layers[$0].items })
    return covered.count == paths[image].count ? [] : paths[image].filter { !covered.contains($0) }
  }

  // MARK: Classes

  /// A set of images that might share a layer, and what that would save each of them.
  private struct Candidate {
    var images: [Int32]
    var value: Double
  }

  /// Chooses, again and again, the images that save most by sharing one layer of all that they still need in common.
  ///
  /// The sets of images that are tried are the signatures of the paths: the images that need a layer for a path. What
  /// is chosen shrinks what others would save, so a candidate's value is looked at again when it comes first.
  private mutating func placeClasses() {
    var signatures = [[Int32]](repeating: [], count: union.nodes.count)
    for image in images.indices { for item in open(image) { signatures[Int(item)].append(Int32(image)) } }
    var byImages: [[Int32]: [Int32]] = [:]
    for (item, signature) in signatures.enumerated() where !signature.isEmpty {
      byImages[signature, default: []].append(Int32(item))
    }
    let classes = byImages.map {
      PathClass(images: $0.key, items: $0.value, bytes: bytes($0.value), count: images.count)
    }
    .sorted { $0.items[0] < $1.items[0] }
    var openClasses = [Set<Int>](repeating: [], count: images.count)
    for (index, own) in classes.enumerated() { for image in own.images { openClasses[Int(image)].insert(index) } }
    shareWhole(classes, &openClasses)
    // The last layer of each image is for the rest.
    var free = images.indices.map { images[$0].maximumLayers - used[$0].count - 1 }

    /// What some images still need in common.
    func common(_ sharing: [Int32]) -> [Int] {
      let bits = PathClass.bits(sharing, images.count)
      let fewest = sharing.min { openClasses[Int($0)].count < openClasses[Int($1)].count }
      guard let fewest else { return [] }
      return openClasses[Int(fewest)].filter { index in
        classes[index].has(bits) && sharing.allSatisfy { openClasses[Int($0)].contains(index) }
      }.sorted()
    }
    var queue = Heap<Candidate> {
      $0.value != $1.value ? $0.value > $1.value : $0.images.lexicographicallyPrecedes($1.images)
    }
    for own in classes where own.images.count > 1 { queue.insert(Candidate(images: own.images, value: .infinity)) }
    while let candidate = queue.popFirst() {
      let sharing = candidate.images.filter { free[Int($0)] > 0 }
      guard sharing.count > 1 else { continue }
      let shared = common(sharing)
      let value = shared.reduce(0) { $0 + classes[$1].bytes } * (1 - 1 / Double(sharing.count))
      guard value >= Self.leastSaving else { continue }
      if let next = queue.first, value < next.value {
        queue.insert(Candidate(images: sharing, value: value))
        continue
      }
      let items = shared.flatMap { classes[$0].items }.sorted()
      for image in sharing {
        use(items, by: Int(image), reason: "\(sharing.count) images share them")
        openClasses[Int(image)].subtract(shared)
        free[Int(image)] -= 1
      }
    }
    for image in images.indices {
      let rest = openClasses[image].flatMap { classes[$0].items }.sorted()
      if !rest.isEmpty { use(rest, by: image, reason: "the rest of \(images[image].name)") }
    }
  }

  /// Gives classes that save much a layer of all images that have them. An image with too many classes takes those
  /// that save it most, and leaves some layers for what it has in common with fewer images than a class has.
  private mutating func shareWhole(_ classes: [PathClass], _ openClasses: inout [Set<Int>]) {
    var keepers = classes.map(\.images.count)
    var kept = [[Int]](repeating: [], count: images.count)
    for _ in 0..<4 {
      var next = [Int](repeating: 0, count: classes.count)
      for image in images.indices {
        let free = images[image].maximumLayers - used[image].count
        let value = { (index: Int) in classes[index].bytes * (1 - 1 / Double(max(1, keepers[index]))) }
        let own = openClasses[image].sorted { left, right in
          let (a, b) = (value(left), value(right))
          return a != b ? a > b : left < right
        }
        // One layer is for the rest, and where there are some, one for what few images have in common.
        let reserved = free < 4 ? 1 : 2
        kept[image] = own.count <= free ? own : Array(own.prefix(max(0, free - reserved)))
        for index in kept[image] { next[index] += 1 }
      }
      keepers = next
    }
    for image in images.indices {
      for index in kept[image] {
        use(classes[index].items, by: image, reason: Self.reason(classes[index].images.count))
        openClasses[image].remove(index)
      }
    }
  }

  private static func reason(_ count: Int) -> String {
    count == 1 ? "one image alone has them" : "the same \(count) images have them"
  }

  /// Saving fewer bytes than this is not worth a layer.
  private static let leastSaving = 16384.0

  /// Paths that the same images need.
  private struct PathClass {
    var images: [Int32]
    var items: [Int32]
    var bytes: Double
    private var row: [UInt64]

    init(images: [Int32], items: [Int32], bytes: Double, count: Int) {
      self.images = images
      self.items = items
      self.bytes = bytes
      row = Self.bits(images, count)
    }

    static func bits(_ images: [Int32], _ count: Int) -> [UInt64] {
      var row = [UInt64](repeating: 0, count: (count + 63) / 64)
      for image in images { row[Int(image) / 64] |= 1 << UInt64(image % 64) }
      return row
    }

    func has(_ images: [UInt64]) -> Bool { row.indices.allSatisfy { images[$0] & ~row[$0] == 0 } }
  }

  // MARK: Layers that are left

  /// Divides layers where most is gained, as long as every image that uses one has a layer to spare.
  private mutating func divide() {
    var spare = images.indices.map { images[$0].maximumLayers - used[$0].count }
    var cuts = Heap<Cut> { $0.gain != $1.gain ? $0.gain > $1.gain : $0.layer < $1.layer }
    func push(_ layer: Int) {
      guard !layers[layer].images.isEmpty, layers[layer].images.allSatisfy({ spare[$0] > 0 }),
        let cut = bestCut(layers[layer].items)
      else { return }
      cuts.insert(
        Cut(layer: layer, gain: cut.gain * Double(layers[layer].images.count), parts: [cut.left, cut.right]))
    }
    for layer in keptCount..<layers.count where layers[layer].items.count > 1 { push(layer) }
    while let next = cuts.popFirst() {
      let users = layers[next.layer].images
      guard !users.isEmpty, users.allSatisfy({ spare[$0] > 0 }) else { continue }
      for image in users {
        drop(next.layer, by: image)
        for items in next.parts { use(items, by: image, reason: layers[next.layer].reason) }
        spare[image] = images[image].maximumLayers - used[image].count
      }
      for items in next.parts where items.count > 1 { if let layer = number[items] { push(layer) } }
    }
  }

  private struct Cut {
    var layer: Int
    var gain: Double
    var parts: [[Int32]]
  }

  /// The cut through a layer, in order of chance or of size, that saves the most expected bytes.
  private func bestCut(_ items: [Int32]) -> (gain: Double, left: [Int32], right: [Int32])? {
    let chances = items.map { model.probability(of: [Int($0)]) }
    let whole = bytes(items) * model.probability(of: items.map(Int.init))
    var best: (gain: Double, left: [Int32], right: [Int32])?
    let bySize = items.indices.sorted { (sizes[Int(items[$0])], $1) > (sizes[Int(items[$1])], $0) }
    let byChance = items.indices.sorted { (chances[$0], $0) < (chances[$1], $1) }
    for order in [bySize, byChance] {
      let sorted = order.map { items[$0] }
      guard let cut = model.bestCut(sorted.map(Int.init), sizes: sizes, cost: whole), cut.gain > best?.gain ?? 0 else {
        continue
      }
      best = (cut.gain, sorted[..<cut.start].sorted(), sorted[cut.start...].sorted())
    }
    return best
  }

  // MARK: The result

  /// What most images share lies at the bottom, so that images have their first layers in common; then what changes
  /// rarely.
  private func result() -> FleetPlan {
    let keys = layers.map { layer -> (Int, Double) in
      let chance = min(max(model.probability(of: layer.items.map(Int.init)), 1e-9), 1 - 1e-9)
      return (-layer.images.count, chance / (1 - chance) / max(1, bytes(layer.items)))
    }
    let order = layers.indices.filter { !layers[$0].images.isEmpty }.sorted { left, right in
      keys[left] != keys[right]
        ? keys[left] < keys[right] : layers[left].items.lexicographicallyPrecedes(layers[right].items)
    }
    var place: [Int: Int] = [:]
    for (index, layer) in order.enumerated() { place[layer] = index }
    let shared = order.map { layer in
      FleetPlan.Layer(
        paths: layers[layer].items.map { union.nodes[Int($0)].path },
        bytes: layers[layer].items.reduce(0) { $0 + union.nodes[Int($1)].size }, reason: layers[layer].reason)
    }
    var result = FleetPlan(layers: shared, images: [:])
    for (image, own) in used.enumerated() { result.images[images[image].name] = own.compactMap { place[$0] }.sorted() }
    return result
  }
}

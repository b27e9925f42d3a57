/// A binary heap: what comes first, in logarithmic time.
struct Heap<Element> {
  private var elements: [Element] = []
  private let comesFirst: (Element, Element) -> Bool

  init(_ comesFirst: @escaping (Element, Element) -> Bool) { self.comesFirst = comesFirst }

  var first: Element? { elements.first }

  mutating func insert(_ element: Element) {
    elements.append(element)
    var child = elements.count - 1
    while child > 0, comesFirst(elements[child], elements[(child - 1) / 2]) {
      elements.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func popFirst() -> Element? {
    guard let result = elements.first else { return nil }
    let last = elements.removeLast()
    if elements.isEmpty { return result }
    elements[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < elements.count && comesFirst(elements[child], elements[least]) {
        least = child
      }
      if least == parent { return result }
      elements.swapAt(parent, least)
      parent = least
    }
  }
}

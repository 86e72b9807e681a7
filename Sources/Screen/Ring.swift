/// The newest of what came, at most `capacity` of it, oldest first.
struct Ring<Element: Sendable>: Sendable, RandomAccessCollection {
    let capacity: Int
    private var elements: [Element] = []
    /// Where the oldest is, once full.
    private var head = 0

    init(_ capacity: Int) { self.capacity = Swift.max(1, capacity) }

    var startIndex: Int { 0 }
    var endIndex: Int { elements.count }

    subscript(index: Int) -> Element {
        get { elements[place(index)] }
        set { elements[place(index)] = newValue }
    }

    mutating func push(_ element: Element) {
        if elements.count < capacity {
            if elements.isEmpty { elements.reserveCapacity(capacity) }
            elements.append(element)
        } else {
            elements[head] = element
            head = head + 1 == capacity ? 0 : head + 1
        }
    }

    private func place(_ index: Int) -> Int {
        let place = head + index
        return place < elements.count ? place : place - elements.count
    }
}

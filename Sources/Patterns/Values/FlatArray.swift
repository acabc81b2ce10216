/// Elements laid out flat in memory that never change; the building block of a compiled segment.
///
/// Reading one costs a load: no reference count, no bounds check in release builds, no exclusivity check. The owner
/// (`Segment`) frees the memory; nothing else keeps a `FlatArray` beyond the owner's life.
struct FlatArray<Element: BitwiseCopyable>: BitwiseCopyable {
    let base: UnsafeMutablePointer<Element>
    let count: Int

    init(_ elements: [Element]) {
        count = elements.count
        base = .allocate(capacity: max(1, elements.count))
        elements.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { base.update(from: start, count: source.count) }
        }
    }

    func free() { base.deallocate() }

    var byteCount: Int { count * MemoryLayout<Element>.stride }

    @inline(__always)
    subscript(index: Int) -> Element {
        assert(index >= 0 && index < count)
        return base[index]
    }

    @inline(__always)
    subscript(index: UInt32) -> Element { self[Int(index)] }

    @inline(__always)
    func pointer(at index: UInt32) -> UnsafePointer<Element> {
        assert(index < count)
        return UnsafePointer(base + Int(index))
    }
}

/// A growing list that keeps its memory from one event to the next.
struct ScratchList<Element: BitwiseCopyable>: ~Copyable {
    private(set) var base: UnsafeMutablePointer<Element>
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int = 64) {
        self.capacity = capacity
        base = .allocate(capacity: capacity)
    }

    deinit { base.deallocate() }

    @inline(__always)
    mutating func append(_ element: Element) {
        if count == capacity { grow(to: capacity * 2) }
        base[count] = element
        count += 1
    }

    @inline(__always)
    mutating func append(from source: UnsafePointer<Element>, count added: Int) {
        if count + added > capacity { grow(to: max(capacity * 2, count + added)) }
        (base + count).update(from: source, count: added)
        count += added
    }

    @inline(__always)
    mutating func removeAll() { count = 0 }

    @inline(__always)
    mutating func removeLast(_ removed: Int) {
        assert(removed <= count)
        count -= removed
    }

    /// Makes the list `count` times one element.
    mutating func assign(_ element: Element, count newCount: Int) {
        reserve(newCount)
        base.update(repeating: element, count: newCount)
        count = newCount
    }

    @inline(__always)
    subscript(index: Int) -> Element {
        get {
            assert(index >= 0 && index < count)
            return base[index]
        }
        set {
            assert(index >= 0 && index < count)
            base[index] = newValue
        }
    }

    /// Makes room for `count` elements in all, so that pointers to elements stay valid until there are more.
    @inline(__always)
    mutating func reserve(_ count: Int) {
        if count > capacity { grow(to: max(count, capacity * 2)) }
    }

    @inline(never)
    private mutating func grow(to newCapacity: Int) {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: newCapacity)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
        capacity = newCapacity
    }
}

/// A table of stamps: an entry is set when it holds the current epoch, so that starting anew costs one addition.
struct StampTable: ~Copyable {
    private var base: UnsafeMutablePointer<UInt32>
    private var capacity: Int

    init() {
        capacity = 64
        base = .allocate(capacity: capacity)
        base.initialize(repeating: 0, count: capacity)
    }

    deinit { base.deallocate() }

    /// Makes room for entries 0 ..< `count`; those that are new hold 0.
    @inline(__always)
    mutating func reserve(_ count: Int) {
        if count > capacity { grow(count) }
    }

    @inline(never)
    private mutating func grow(_ count: Int) {
        let newCapacity = max(count, capacity * 2)
        let larger = UnsafeMutablePointer<UInt32>.allocate(capacity: newCapacity)
        larger.update(from: base, count: capacity)
        (larger + capacity).initialize(repeating: 0, count: newCapacity - capacity)
        base.deallocate()
        base = larger
        capacity = newCapacity
    }

    mutating func clear() { base.update(repeating: 0, count: capacity) }

    @inline(__always)
    subscript(index: UInt32) -> UInt32 {
        get {
            assert(index < capacity)
            return base[Int(index)]
        }
        set {
            assert(index < capacity)
            base[Int(index)] = newValue
        }
    }
}

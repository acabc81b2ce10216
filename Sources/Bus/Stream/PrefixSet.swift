/// The prefixes that subscribers asked for, counted, and whether a topic begins with one of them.
///
/// A trie of bytes in one array: a topic that nobody wants is refused after the bytes it shares with some prefix.
struct PrefixSet {
    private struct Vertex {
        /// Index of the first child and of the next sibling; 0 for none, since the root is neither.
        var child: UInt32 = 0
        var sibling: UInt32 = 0
        /// How often the prefix that ends here was added.
        var count: UInt32 = 0
        var byte: UInt8 = 0
    }

    private var vertices = [Vertex()]
    private var free: [UInt32] = []
    /// How many prefixes are in the set, repeated ones counted once.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func insert(_ prefix: some Sequence<UInt8>) {
        var vertex = 0
        for byte in prefix { vertex = find(byte, under: vertex) ?? add(byte, under: vertex) }
        if vertices[vertex].count == 0 { count += 1 }
        vertices[vertex].count += 1
    }

    /// Takes back one `insert`; a prefix that is not in the set is ignored.
    mutating func remove(_ prefix: some Sequence<UInt8>) {
        var path = [0]
        for byte in prefix {
            guard let next = find(byte, under: path[path.count - 1]) else { return }
            path.append(next)
        }
        guard vertices[path[path.count - 1]].count > 0 else { return }
        vertices[path[path.count - 1]].count -= 1
        guard vertices[path[path.count - 1]].count == 0 else { return }
        count -= 1
        while path.count > 1, let leaf = path.popLast(), vertices[leaf].count == 0, vertices[leaf].child == 0 {
            unlink(leaf, from: path[path.count - 1])
        }
    }

    /// Whether the topic begins with a prefix of the set.
    func matches(_ topic: UnsafeRawBufferPointer) -> Bool {
        vertices.withUnsafeBufferPointer { vertices in
            if vertices[0].count > 0 { return true }
            var vertex = vertices[0]
            for byte in topic {
                var next = vertex.child
                while next != 0 && vertices[Int(next)].byte != byte { next = vertices[Int(next)].sibling }
                if next == 0 { return false }
                vertex = vertices[Int(next)]
                if vertex.count > 0 { return true }
            }
            return false
        }
    }

    private func find(_ byte: UInt8, under parent: Int) -> Int? {
        var next = Int(vertices[parent].child)
        while next != 0 {
            if vertices[next].byte == byte { return next }
            next = Int(vertices[next].sibling)
        }
        return nil
    }

    private mutating func add(_ byte: UInt8, under parent: Int) -> Int {
        let vertex = Vertex(sibling: vertices[parent].child, byte: byte)
        let index: Int
        if let reused = free.popLast() {
            index = Int(reused)
            vertices[index] = vertex
        } else {
            index = vertices.count
            vertices.append(vertex)
        }
        vertices[parent].child = UInt32(index)
        return index
    }

    private mutating func unlink(_ leaf: Int, from parent: Int) {
        if Int(vertices[parent].child) == leaf {
            vertices[parent].child = vertices[leaf].sibling
        } else {
            var before = Int(vertices[parent].child)
            while Int(vertices[before].sibling) != leaf { before = Int(vertices[before].sibling) }
            vertices[before].sibling = vertices[leaf].sibling
        }
        free.append(UInt32(leaf))
    }
}

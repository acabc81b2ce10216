internal import Core

/// One page of a list that is sorted by a key: the key of the last item is the token of the next page.
struct Page<Item> {
    let items: [Item]
    /// Nil on the last page.
    let nextToken: JSON?

    init(_ items: [Item], by key: (Item) -> String, _ input: JSON) {
        let limit = input["Limit"]?.int ?? 100
        let token = input["NextToken"]?.string
        let rest = items.filter { item in token.map { key(item) > $0 } ?? true }.sorted { key($0) < key($1) }
        self.items = Array(rest.prefix(limit))
        nextToken = rest.count > limit ? self.items.last.map { .string(key($0)) } : nil
    }
}

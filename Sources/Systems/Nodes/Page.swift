internal import API
internal import Core

/// One answer of a list operation that is longer than one answer may be.
struct Page<Item> {
    let items: [Item]
    /// Where the next page begins; nil after the last.
    let nextToken: String?

    /// Cuts a page out of a list whose order is stable.
    /// - Parameters:
    ///   - key: What a token names: the last item of the page before.
    ///   - token: From the request; nil for the first page.
    /// - Throws: `ServiceError` `.invalidNextToken` where the token names no item.
    init(of all: [Item], after token: String?, count: Int, key: (Item) -> String) throws(ServiceError) {
        var rest = all[...]
        if let token {
            guard let place = all.firstIndex(where: { key($0) == token }) else {
                throw ServiceError(.invalidNextToken, "The NextToken is not of this list; begin again without one.")
            }
            rest = all[(place + 1)...]
        }
        self.init(first: count, of: Array(rest.prefix(count + 1)), key: key)
    }

    /// - Parameter found: What follows the page before, one more than the page takes where there is more.
    init(first count: Int, of found: [Item], key: (Item) -> String) {
        items = Array(found.prefix(count))
        nextToken = found.count > count ? items.last.map(key) : nil
    }

    /// `{member: [items…], NextToken?}`
    func json(_ member: String, _ item: (Item) throws -> JSON) rethrows -> JSON {
        var body: JSON = [:]
        body[member] = .array(try items.map(item))
        body["NextToken"] = nextToken.map { .string($0) }
        return body
    }
}

extension Page: Sendable where Item: Sendable {}

extension JSON {
    /// The texts of a list of strings; empty for anything else.
    var strings: [String] { (array ?? []).compactMap(\.string) }

    /// Seconds since 1970, as the JSON protocols of AWS carry times.
    init(epoch time: Timestamp) { self = .number(JSONNumber(Double(time.microseconds / 1000) / 1000)) }
}

extension Node {
    /// Reads a YAML text of one document and keeps the position of every value and key.
    ///
    /// Scalars follow YAML 1.2's core schema (see `YAMLScalar`); keys that are no strings become their text; aliases
    /// and merge keys (`<<`) are expanded, and a value that came through an alias has the position of its anchor.
    /// - Parameters:
    ///   - bytes: UTF-8, at most `Limits.jsonDepthMax` levels and `Limits.yamlNodesMax` nodes once expanded.
    ///   - hasFunctions: Whether a tag such as `!Sub` is a template's function rather than a mistake: `!Ref x` is read
    ///     as `{Ref: x}`, `!GetAtt a.b` as `{Fn::GetAtt: [a, b]}` and any other `!F x` as `{Fn::F: x}`.
    /// - Throws: `YAMLError` with the first offending line and column.
    public init(parsingYAML bytes: [UInt8], hasFunctions: Bool = false) throws(YAMLError) {
        var parser = YAMLParser(bytes, hasFunctions: hasFunctions)
        self = try parser.document()
    }

    /// Reads the text of a file that may be JSON or YAML, perhaps after a byte order mark. A repeated key is refused in
    /// both, unless it has the same value again.
    /// - Parameters:
    ///   - bytes: UTF-8.
    ///   - fileName: `.json` means JSON and `.yaml` or `.yml` YAML; with any other name, or none, a text that begins
    ///     with `{` is JSON.
    ///   - hasFunctions: As for `init(parsingYAML:hasFunctions:)`.
    /// - Throws: `YAMLError`, also for texts read as JSON.
    public init(parsing bytes: [UInt8], fileName: String? = nil, hasFunctions: Bool = false) throws(YAMLError) {
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let bytes = bytes.starts(with: byteOrderMark) ? Array(bytes.dropFirst(byteOrderMark.count)) : bytes
        guard Self.isJSON(bytes, fileName: fileName) else {
            try self.init(parsingYAML: bytes, hasFunctions: hasFunctions)
            return
        }
        do throws(JSONError) {
            try self.init(parsingJSON: bytes)
        } catch {
            throw YAMLError(error)
        }
        try dropRepetitions()
    }

    private static func isJSON(_ bytes: [UInt8], fileName: String?) -> Bool {
        if let fileName {
            if fileName.hasSuffix(".json") { return true }
            if fileName.hasSuffix(".yaml") || fileName.hasSuffix(".yml") { return false }
        }
        let blanks: Set<UInt8> = [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r")]
        return bytes.first { !blanks.contains($0) } == UInt8(ascii: "{")
    }

    private mutating func dropRepetitions() throws(YAMLError) {
        switch value {
        case .array(var elements):
            for index in elements.indices { try elements[index].dropRepetitions() }
            value = .array(elements)
        case .object(let members):
            var kept: [Member] = []
            var places: [String: Int] = [:]
            for var member in members {
                try member.value.dropRepetitions()
                guard let place = places[member.key] else {
                    places[member.key] = kept.count
                    kept.append(member)
                    continue
                }
                try member.checkRepetition(of: kept[place])
            }
            value = .object(kept)
        default: break
        }
    }
}

extension Node.Member {
    /// - Throws: `YAMLError` `.duplicateKey` where the repetition of a key has another value than the first.
    fileprivate func checkRepetition(of first: Self) throws(YAMLError) {
        guard value.json != first.value.json else { return }
        throw YAMLError(
            .duplicateKey, "the key \"\(key)\" is repeated, it stands at \(first.keyPosition) already", at: keyPosition)
    }
}

/// Builds nodes from the events of one text and keeps the account of what aliases expand to.
private struct YAMLParser: ~Copyable {
    /// A value with what it costs to use it once more.
    struct Built {
        var node: Node
        var nodes = 1
        var bytes = 0
        var height = 1
    }

    var events: YAMLEvents
    var anchors: [String: Built] = [:]
    var openAnchors: Set<String> = []
    var nodes = 0
    var aliasedBytes = 0
    var depth = 0
    let hasFunctions: Bool

    init(_ bytes: [UInt8], hasFunctions: Bool) {
        events = YAMLEvents(bytes)
        self.hasFunctions = hasFunctions
    }

    mutating func document() throws(YAMLError) -> Node {
        _ = try events.next()  // The start of the stream.
        let start = try events.next()
        guard start.kind == .documentStart else {
            throw YAMLError(.notOneDocument, "the text holds no YAML value", at: start.position)
        }
        let root = try value(try events.next())
        _ = try events.next()  // The end of the document.
        let end = try events.next()
        guard end.kind == .streamEnd else {
            throw YAMLError(
                .notOneDocument, "a second document begins; keep one in a file and remove what follows '---'",
                at: end.position)
        }
        return root.node
    }

    mutating func value(_ event: YAMLEvent) throws(YAMLError) -> Built {
        if case .alias(let name) = event.kind { return try alias(name, at: event.position) }
        try count(1, at: event.position)
        if let anchor = event.anchor { openAnchors.insert(anchor) }
        let function = hasFunctions ? YAMLParser.function(event.tag) : nil
        var untagged = event
        if function != nil { untagged.tag = nil }
        var built: Built =
            switch event.kind {
            // What a function is given as a single value is text, whatever it looks like.
            case .scalar(let text, let plain): try scalar(text, plain && function == nil, untagged)
            case .sequenceStart: try sequence(untagged)
            case .mappingStart: try mapping(untagged)
            default: preconditionFailure("libyaml yields a value here")
            }
        if let function { built.wrap(in: function) }
        if let anchor = event.anchor {
            openAnchors.remove(anchor)
            anchors[anchor] = built
        }
        return built
    }

    /// The name of a template's function in its long form; nil for a tag that is none.
    static func function(_ tag: String?) -> String? {
        guard let tag, tag.hasPrefix("!"), tag.utf8.count > 1, !tag.hasPrefix("!!") else { return nil }
        let name = String(tag.dropFirst())
        return name == "Ref" || name == "Condition" ? name : "Fn::\(name)"
    }

    mutating func count(_ added: Int, at position: TextPosition) throws(YAMLError) {
        nodes += added
        guard nodes <= Limits.yamlNodesMax else {
            throw YAMLError(.tooLarge, "the text expands to more than \(Limits.yamlNodesMax) values", at: position)
        }
    }

    mutating func alias(_ name: String, at position: TextPosition) throws(YAMLError) -> Built {
        guard let built = anchors[name], !openAnchors.contains(name) else {
            let isOpen = openAnchors.contains(name)
            let reason = isOpen ? "refers to the value it stands in" : "has no anchor '&\(name)' before it"
            throw YAMLError(.alias, "the alias '*\(name)' \(reason)", at: position)
        }
        try count(built.nodes, at: position)
        aliasedBytes += built.bytes
        guard aliasedBytes <= Limits.requestBytesMax else {
            throw YAMLError(
                .tooLarge, "aliases repeat more than \(Limits.requestBytesMax) bytes of text; use fewer", at: position)
        }
        guard depth + built.height <= Limits.jsonDepthMax else { throw tooDeep(position) }
        return built
    }

    func tooDeep(_ position: TextPosition) -> YAMLError {
        YAMLError(.tooDeep, "nesting is deeper than \(Limits.jsonDepthMax) levels", at: position)
    }

    // MARK: Scalars

    func scalar(_ text: String, _ plain: Bool, _ event: YAMLEvent) throws(YAMLError) -> Built {
        let value: Node.Value
        switch event.tag {
        case nil: value = plain ? try YAMLScalar.plain(text, at: event.position) : .string(text)
        // "!" alone says: no special meaning.
        case "!", coreTag("str"): value = .string(text)
        case coreTag("null"), coreTag("bool"), coreTag("int"), coreTag("float"):
            value = try YAMLScalar.plain(text, at: event.position)
            guard tagFits(event.tag, value) else {
                throw YAMLError(.tag, "'\(text)' is not of its type \(shown(event.tag))", at: event.position)
            }
        default: throw unknownTag(event)
        }
        return Built(node: Node(value, at: event.position), bytes: text.utf8.count)
    }

    func coreTag(_ name: String) -> String { "tag:yaml.org,2002:" + name }

    func tagFits(_ tag: String?, _ value: Node.Value) -> Bool {
        switch value {
        case .null: tag == coreTag("null")
        case .bool: tag == coreTag("bool")
        case .number(let number): tag == coreTag("float") || tag == coreTag("int") && !number.text.contains(".")
        default: false
        }
    }

    func shown(_ tag: String?) -> String {
        let prefix = coreTag("")
        guard let tag, tag.hasPrefix(prefix) else { return tag ?? "" }
        return "!!" + tag.dropFirst(prefix.count)
    }

    func unknownTag(_ event: YAMLEvent) -> YAMLError {
        let tag = shown(event.tag)
        let fix =
            tag.hasPrefix("!!")
            ? "leave the tag out" : "template functions such as !Ref and !Sub do not work here, write the value itself"
        return YAMLError(.tag, "the tag \(tag) is unknown: \(fix)", at: event.position)
    }

    // MARK: Collections

    mutating func enter(_ event: YAMLEvent, _ tagName: String) throws(YAMLError) {
        guard event.tag == nil || event.tag == "!" || event.tag == coreTag(tagName) else { throw unknownTag(event) }
        depth += 1
        guard depth <= Limits.jsonDepthMax else { throw tooDeep(event.position) }
    }

    mutating func sequence(_ start: YAMLEvent) throws(YAMLError) -> Built {
        try enter(start, "seq")
        defer { depth -= 1 }
        var result = Built(node: Node(.null, at: start.position))
        var elements: [Node] = []
        while true {
            let event = try events.next()
            guard event.kind != .sequenceEnd else { break }
            let element = try value(event)
            result.add(element)
            elements.append(element.node)
        }
        result.node.value = .array(elements)
        return result
    }

    mutating func mapping(_ start: YAMLEvent) throws(YAMLError) -> Built {
        try enter(start, "map")
        defer { depth -= 1 }
        var result = Built(node: Node(.null, at: start.position))
        var members: [Node.Member] = []
        var places: [String: Int] = [:]
        var merges: Node.Member?
        while true {
            let event = try events.next()
            guard event.kind != .mappingEnd else { break }
            let key = try self.key(event, of: start)
            let value = try self.value(try events.next())
            result.add(value)
            let member = Node.Member(key: key, keyPosition: event.position, value: value.node)
            if event.kind == .scalar("<<", plain: true) {
                if let first = merges { try member.checkRepetition(of: first) }
                merges = member
            } else if let place = places[key] {
                try member.checkRepetition(of: members[place])
            } else {
                places[key] = members.count
                members.append(member)
            }
        }
        // A key of the mapping itself wins over merged ones, and an earlier source over a later.
        for source in try merges.map({ merge throws(YAMLError) in try mergeSources(merge.value) }) ?? [] {
            for member in source.members ?? [] where places[member.key] == nil {
                places[member.key] = members.count
                members.append(member)
            }
        }
        result.node.value = .object(members)
        return result
    }

    mutating func key(_ event: YAMLEvent, of mapping: YAMLEvent) throws(YAMLError) -> String {
        switch event.kind {
        case .scalar(let text, _):
            if let anchor = event.anchor { anchors[anchor] = try scalar(text, false, event) }
            return text
        case .alias(let name):
            guard let text = try alias(name, at: event.position).node.string else { break }
            return text
        case .mappingStart(flow: true) where mapping.kind == .mappingStart(flow: true):
            throw YAMLError(
                .keyNotScalar, "'{{' begins a mapping in YAML; put a value that begins with a reference in quotes",
                at: mapping.position)
        default: break
        }
        throw YAMLError(.keyNotScalar, "a key must be a single value, not a list or a mapping", at: event.position)
    }

    func mergeSources(_ node: Node) throws(YAMLError) -> [Node] {
        let sources = node.elements ?? [node]
        for source in sources where source.members == nil {
            throw YAMLError(.alias, "'<<' merges mappings only, this is none", at: source.position)
        }
        return sources
    }
}

extension YAMLParser.Built {
    /// Makes the value the argument of a function.
    fileprivate mutating func wrap(in function: String) {
        if function == "Fn::GetAtt", let text = node.string {
            let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            node.value = .array(parts.map { Node(.string(String($0)), at: node.position) })
            nodes += parts.count
            height += 1
        }
        let member = Node.Member(key: function, keyPosition: node.position, value: node)
        node = Node(.object([member]), at: node.position)
        nodes += 1
        height += 1
    }

    fileprivate mutating func add(_ child: Self) {
        nodes += child.nodes
        bytes += child.bytes
        height = max(height, child.height + 1)
    }
}

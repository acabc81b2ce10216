internal import CYAML

/// One parsing event of a YAML text: the start or end of a collection, a scalar, an alias.
struct YAMLEvent {
    enum Kind: Equatable {
        case streamStart, streamEnd
        case documentStart, documentEnd
        case alias(String)
        case scalar(String, plain: Bool)
        case sequenceStart, sequenceEnd
        case mappingStart(flow: Bool)
        case mappingEnd
    }

    var kind: Kind
    var anchor: String?
    /// The tag in its long form, such as `tag:yaml.org,2002:str`; nil where none is written.
    var tag: String?
    var position: TextPosition
}

/// Owner of one libyaml parser: yields the events of a text in order.
struct YAMLEvents: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeMutableBufferPointer<UInt8>

    init(_ text: [UInt8]) {
        // The parser keeps a pointer to itself and to the text, so both need a place that does not move.
        parser = .allocate(capacity: 1)
        bytes = .allocate(capacity: text.count)
        _ = bytes.initialize(from: text)
        let initialized = yaml_parser_initialize(parser)
        precondition(initialized == 1, "out of memory")
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, UnsafePointer(bytes.baseAddress), bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        bytes.deallocate()
    }

    /// The next event; after `streamEnd` there is none to ask for.
    /// - Throws: `YAMLError` with `.syntax` or `.invalidUTF8`.
    mutating func next() throws(YAMLError) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }
        let position = TextPosition(event.start_mark)
        switch event.type {
        case YAML_STREAM_START_EVENT: return YAMLEvent(kind: .streamStart, position: position)
        case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .documentStart, position: position)
        case YAML_DOCUMENT_END_EVENT: return YAMLEvent(kind: .documentEnd, position: position)
        case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .sequenceEnd, position: position)
        case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .mappingEnd, position: position)
        case YAML_ALIAS_EVENT:
            return YAMLEvent(kind: .alias(text(event.data.alias.anchor) ?? ""), position: position)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let value = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return YAMLEvent(
                kind: .scalar(value, plain: scalar.style == YAML_PLAIN_SCALAR_STYLE), anchor: text(scalar.anchor),
                tag: text(scalar.tag), position: position)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            return YAMLEvent(
                kind: .sequenceStart, anchor: text(start.anchor), tag: text(start.tag), position: position)
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            return YAMLEvent(
                kind: .mappingStart(flow: start.style == YAML_FLOW_MAPPING_STYLE), anchor: text(start.anchor),
                tag: text(start.tag), position: position)
        default: return YAMLEvent(kind: .streamEnd, position: position)
        }
    }

    private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    // MARK: Errors

    private func failure() -> YAMLError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "the text cannot be read"
        if parser.pointee.error == YAML_READER_ERROR {
            let position = TextPosition(of: parser.pointee.problem_offset, in: bytes)
            guard !problem.contains("control characters") else {
                return YAMLError(.syntax, "control characters are not allowed; escape them in quotes", at: position)
            }
            return YAMLError(.invalidUTF8, "the text is not valid UTF-8 (\(problem))", at: position)
        }
        let position = TextPosition(parser.pointee.problem_mark)
        let context = parser.pointee.context.map { " " + String(cString: $0) } ?? ""
        if let hint = hint(problem, context, position) {
            return YAMLError(.syntax, "\(problem)\(context): \(hint)", at: position)
        }
        return YAMLError(.syntax, problem + context, at: position)
    }

    /// What most probably mends the text, where libyaml's own words leave an author guessing.
    private func hint(_ problem: String, _ context: String, _ position: TextPosition) -> String? {
        let line = self.line(position.line)
        if line.prefix(while: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }).contains(UInt8(ascii: "\t")) {
            return "indent with spaces, YAML does not allow tabs"
        }
        if problem.contains("mapping values are not allowed") {
            return "put a value that holds ': ' in quotes, or check the indentation of this line"
        }
        if problem.contains("cannot start any token") {
            return "put the value in quotes, a plain one cannot begin with this character"
        }
        if problem.contains("expected ':'") {
            return "a key needs ': ' after it; a text over several lines needs '|' or quotes"
        }
        if context.contains("parsing a flow") { return "check the brackets and commas" }
        if problem.contains("expected key") || problem.contains("expected '-' indicator") {
            return "align this line with the entries before it"
        }
        if problem.contains("unexpected end of stream") { return "a quote is not closed" }
        if problem.contains("unknown escape character") {
            return "use single quotes, where a backslash stands for itself, or write it twice"
        }
        return nil
    }

    /// The bytes of a line, counted from 1, without its end.
    private func line(_ number: Int) -> Slice<UnsafeMutableBufferPointer<UInt8>> {
        var start = 0
        for _ in 1..<max(1, number) {
            guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { break }
            start = end + 1
        }
        let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
        return bytes[start..<end]
    }
}

extension TextPosition {
    fileprivate init(_ mark: yaml_mark_t) { self.init(line: mark.line + 1, column: mark.column + 1) }

    /// The place of a byte in a text.
    fileprivate init(of offset: Int, in bytes: UnsafeMutableBufferPointer<UInt8>) {
        let before = bytes[..<min(offset, bytes.count)]
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        self.init(
            line: before.count { $0 == UInt8(ascii: "\n") } + 1,
            column: before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1)
    }
}

internal import CShims
internal import Core

@testable internal import Patterns

/// libFuzzer's target: any bytes at all, taken for an event. `run.sh` beside this file builds and runs it.
///
/// The address sanitizer sees reads beyond the input; what is compared here is what must be so of any input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    let isRight = JSONWalk.check(input, .any, keys: nil) == nil
    var containers = [ops_container](repeating: ops_container(), count: count + 1)
    let isVouchedFor = ops_json_scan(start, count, UInt32(Limits.jsonDepthMax), &containers) == 1
    precondition(!isVouchedFor || isRight, "vouched for what is not JSON")
    let isVouchedForPortably = ops_json_scan_portable(start, count, UInt32(Limits.jsonDepthMax), nil) == 1
    precondition(isVouchedFor == isVouchedForPortably, "the variants of the scanner disagree")
    let isTree = (try? JSON(parsing: Array(input))) != nil
    precondition(isTree == isRight, "the tree parser disagrees")

    // Told that it is good, the matcher may find anything in bytes that are not, but must stay within them.
    _ = Subject.shared.rules(matching: input, validated: true)
    var validator = JSONValidator()
    guard let mayStopEarly = try? validator.validateEvent(input) else { return 0 }
    let whole = Subject.shared.rules(matching: input, validated: false)
    precondition(whole != nil, "a good event is refused")
    precondition(whole == Subject.shared.rules(matching: input, validated: mayStopEarly), "reading part differs")
    return 0
}

/// Rules that use each of the engine's indexes, on keys that are easy to come upon.
private final class Subject {
    // The fuzzer calls from one thread.
    nonisolated(unsafe) static let shared = Subject()

    private let set = PatternSet()
    private var matcher = Matcher()

    init() {
        let patterns = [
            #"{"a":["x",1,true,null,{"prefix":"p"},{"suffix":"s"},{"equals-ignore-case":"ß"}]}"#,
            #"{"a":[{"numeric":[">",-1,"<",5.5]}],"b":[{"exists":false}]}"#, #"{"a":[{"wildcard":"*a*b*"}]}"#,
            #"{"a":[{"anything-but":{"wildcard":"a*"}}],"b":[{"cidr":"10.0.0.0/8"}]}"#,
            #"{"a":{"a":["x"],"b":["y"]}}"#, #"{"a":{"a":{"a":[1]}},"b":[{"anything-but":[1,2]}]}"#,
            #"{"$or":[{"b":["x"]},{"a":{"b":[{"exists":false}],"a":[1]}}]}"#,
        ]
        for (index, text) in patterns.enumerated() {
            guard let pattern = try? Pattern(parsing: text) else { preconditionFailure(text) }
            set.add(pattern, for: UInt32(index))
        }
    }

    /// In ascending order; nil where the event is refused.
    func rules(matching event: UnsafeRawBufferPointer, validated: Bool) -> [UInt32]? {
        var rules: [UInt32] = []
        do {
            try matcher.match(event, with: set.snapshot, validated: validated) { rules.append($0) }
        } catch {
            return nil
        }
        return rules.sorted()
    }
}

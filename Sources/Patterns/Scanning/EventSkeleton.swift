internal import CShims
internal import Core

/// Where the containers of an event end, as the validator found them on its way.
///
/// Validation must see every byte, and thereby learns where each object and array closes. Kept in order of opening,
/// that lets the reader which follows pass over what no rule mentions by one look-up instead of a second scan.
/// Costs eight bytes a container.
struct EventSkeleton: ~Copyable {
    private var containers = ScratchList<ops_container>()
    /// The container that opens next after the reader's position.
    private var next: UInt32 = 0
    /// Whether it is known of the event at hand; if not, the reader scans.
    private(set) var isKnown = false

    /// Validates an event.
    /// - Returns: Whether it is certainly one JSON object; otherwise it must be judged by `JSONWalk`.
    mutating func read(_ event: UnsafeRawBufferPointer) -> Bool {
        containers.reserve(event.count)
        isKnown = JSONScan.isObject(event, depthMax: Limits.jsonDepthMax, containers: containers.base)
        return isKnown
    }

    /// Nothing is known of the event that is read from now on.
    mutating func forget() { isKnown = false }

    mutating func rewind() { next = 0 }

    /// The reader goes into the next container.
    @inline(__always)
    mutating func enter() { next &+= 1 }

    /// The reader passes over the next container.
    /// - Returns: The offset behind it.
    @inline(__always)
    mutating func skip() -> Int {
        let container = containers.base[Int(next)]
        next = container.next
        return Int(container.end)
    }
}

/// The judge of JSON that reads 64 bytes at a time, in C: see `jsonscan.h`.
enum JSONScan {
    /// Whether a text is certainly one JSON object or array.
    @inline(__always)
    static func isContainer(
        _ text: UnsafeRawBufferPointer, depthMax: Int, containers: UnsafeMutablePointer<ops_container>? = nil
    ) -> Bool {
        guard let start = text.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return false }
        return ops_json_scan(start, text.count, UInt32(depthMax), containers) == 1
    }

    /// Whether a text is certainly one JSON object.
    @inline(__always)
    static func isObject(
        _ text: UnsafeRawBufferPointer, depthMax: Int, containers: UnsafeMutablePointer<ops_container>? = nil
    ) -> Bool {
        guard isContainer(text, depthMax: depthMax, containers: containers) else { return false }
        return text.first { $0 > 0x20 } == UInt8(ascii: "{")
    }
}

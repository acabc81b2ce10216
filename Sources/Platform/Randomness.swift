internal import CShims

/// The kernel's random generator, read in blocks: drawing an identifier costs nanoseconds instead of a system call.
public struct BlockRandom: RandomNumberGenerator {
    private var block: [UInt64] = []
    private static let blockWords = 512

    public init() {}

    public mutating func next() -> UInt64 {
        if block.isEmpty {
            block = [UInt64](unsafeUninitializedCapacity: BlockRandom.blockWords) { words, count in
                ops_random(words.baseAddress, words.count * 8)
                count = words.count
            }
        }
        return block.removeLast()
    }
}

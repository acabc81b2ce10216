internal import Foundation

/// SplitMix64: the same numbers for the same seed on every machine, so that a failure can be repeated.
public struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// A seed of 32 bits, printed, so that what it led to can be repeated: `OPSBUS_SEED` in the environment is taken
    /// instead of a new one.
    public static func freshSeed() -> UInt64 {
        let given = ProcessInfo.processInfo.environment["OPSBUS_SEED"].flatMap(UInt64.init)
        let seed = given ?? UInt64(UInt32.random(in: 0 ... .max))
        print("OPSBUS_SEED=\(seed)")
        return seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

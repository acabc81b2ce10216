import Testing

@testable import Bus

@Suite struct ByteAccountTests {
    @Test("Bytes past its own limit are refused, and taken when others are released")
    func own() {
        let account = ByteAccount(bytesMax: 100)
        #expect(account.reserve(60) && !account.reserve(41) && account.reserve(40))
        #expect(account.isFull && !account.reserve(1))
        account.release(60)
        #expect(!account.isFull && account.reserve(60))
        account.release(60)
        account.release(40)
        #expect(account.isEmpty)
    }

    @Test("A full shared account refuses those with something on their own, and nobody else")
    func shared() {
        let shared = ByteAccount(bytesMax: 100)
        let stuck = ByteAccount(bytesMax: 100, within: shared)
        let reads = ByteAccount(bytesMax: 100, within: shared)
        #expect(stuck.reserve(100) && stuck.isFull && shared.isFull)
        #expect(!reads.isFull && reads.reserve(70), "it has nothing, and so gets the next, of whatever size")
        #expect(reads.isFull && !reads.reserve(1))
        reads.release(70)
        #expect(reads.isEmpty && reads.reserve(200))
        reads.release(200)
        stuck.release(100)
        #expect(shared.isEmpty)
    }
}

extension ArraySlice<UInt8> {
    /// Bytes up to a UTF-8 sequence that is cut off at the end, if one is.
    ///
    /// What a program writes comes in pieces that end anywhere; texts are cut here instead.
    public var completeUTF8Count: Int {
        for back in 1...3 where back <= count {
            let byte = self[endIndex - back]
            if byte & 0xC0 == 0x80 { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > back ? count - back : count
        }
        return count
    }
}

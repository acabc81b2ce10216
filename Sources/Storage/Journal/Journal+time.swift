public import Core

extension Journal {
    /// The first sequence whose record is not older than `time`; `lastSequence + 1` where all are older.
    ///
    /// Times of records rise with their sequences but for steps of the wall clock, so this is a search by halving.
    /// - Throws: `StorageError` as `read(after:bytesMax:)`.
    public func sequence(notBefore time: Timestamp) throws(StorageError) -> UInt64 {
        var low = oldestSequence
        var high = lastSequence + 1
        while low < high {
            let middle = low + (high - low) / 2
            var isOlder = false
            try read(after: middle - 1, bytesMax: 1).forEach { record in
                if record.sequence == middle { isOlder = record.time < time }
            }
            if isOlder { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

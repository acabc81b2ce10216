public import API
public import Storage

extension ServiceError {
    /// What a caller of an operation is told of a failure of the data directory.
    public init(storage error: StorageError) {
        switch error.code {
        case .throttled:
            self.init(.throttling, "Too much is waiting to be written. Try again later.")
        case .diskFull:
            self.init(.serviceUnavailable, "The disk is full; nothing of this request was stored. \(error)")
        case .closed:
            self.init(.serviceUnavailable, "The server is stopping; nothing of this request was stored.")
        case .constraint:
            self.init(.resourceAlreadyExists, "The resource exists already or is still in use. \(error)")
        case .inputOutput, .corrupt, .locked, .unsupportedVersion, .database, .expired:
            self.init(.internalFailure, "Internal Service Failure: \(error)")
        }
    }
}

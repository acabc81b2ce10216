import Core
import Testing

@Suite struct LimitsTests {
    @Test func aRequestFrameHoldsTheLargestRequests() {
        // Escaping a Detail inside the request's JSON triples it at worst: two bytes of é become six of \u00e9.
        #expect(Limits.requestBytesMax > 3 * Limits.putEventsBytesMax)
        #expect(Limits.requestBytesMax > 6 * Limits.documentBytesMax)
        #expect(Limits.requestBytesMax > 6 * 4 * Limits.targetInputCharactersMax * Limits.targetsPerRuleMax)
        #expect(Limits.requestBytesMax > 6 * Limits.eventPatternBytesMax)
        // By HTTP it is the whole body, as it is.
        #expect(Limits.requestBytesMax > Limits.functionPayloadBytesMax)
    }

    @Test func aQueueHoldsAtLeastOneOfWhatItQueues() {
        #expect(Limits.journalQueueBytesMax >= Limits.requestBytesMax)
        #expect(Limits.streamMessagesQueuedMax >= Limits.readStreamMessagesMax)
        #expect(Limits.streamMessagesQueuedMax >= Limits.putEventsEntriesMax)
    }

    @Test func aWholeEventFitsIntoAPayload() {
        // The largest event, and an envelope whose names and times take less than 64 KiB.
        #expect(Limits.targetPayloadBytesMax >= Limits.putEventsBytesMax + 64 << 10)
        #expect(Limits.targetPayloadBytesMax < Limits.journalQueueBytesMax)
    }

    @Test func deliveriesLeaveRoomForRequests() {
        // Each delivery may be a request to this system's own operations.
        #expect(Limits.deliveriesInFlightMax < Limits.requestsInFlightMax)
    }

    @Test func retryBoundsAreTheServices() {
        #expect(Limits.retryAttemptsMax == 185)
        #expect(Limits.retryAgeSecondsMax == 24 * 3600)
    }
}

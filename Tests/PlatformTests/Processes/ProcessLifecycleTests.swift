import Testing

@testable import Platform

/// Every state of a child against everything that can happen to it.
@Suite struct ProcessLifecycleTests {
    private func running(timeout: Duration? = .seconds(10)) -> ProcessLifecycle {
        ProcessLifecycle(timeoutAt: timeout, grace: .seconds(2), drain: .seconds(1))
    }

    private func stopping() -> ProcessLifecycle {
        var child = running()
        _ = child.stop(.cancelled, at: .seconds(5))
        return child
    }

    private func killed() -> ProcessLifecycle {
        var child = stopping()
        _ = child.timePassed(to: .seconds(7))
        return child
    }

    private func draining() -> ProcessLifecycle {
        var child = running()
        _ = child.childExited(at: .seconds(5))
        return child
    }

    @Test func aChildThatEndsAfterItsPipesIsReleasedAndReported() {
        var child = running()
        #expect(child.pipesEnded() == [])
        #expect(child.childExited(at: .seconds(1)) == [.release, .finish])
        #expect(child.reasonAtEnd == nil)
        #expect(child.state == .ended)
    }

    @Test func aChildThatEndsBeforeItsPipesIsDrained() {
        var child = draining()
        #expect(child.state == .draining(until: .seconds(6)))
        #expect(child.deadline == .seconds(6))
        #expect(child.isCapturing)
        #expect(child.pipesEnded() == [.release, .finish])
    }

    @Test func whenTheDrainTimeIsOverOnlyWhatIsInThePipesIsRead() {
        var child = draining()
        #expect(child.timePassed(to: .milliseconds(5999)) == [])
        #expect(child.timePassed(to: .seconds(6)) == [.limitPipes])
        #expect(child.state == .readingRest)
        #expect(child.deadline == nil)
        #expect(child.timePassed(to: .seconds(60)) == [])
        #expect(child.stop(.cancelled, at: .seconds(60)) == [])
        #expect(child.childExited(at: .seconds(60)) == [])
        #expect(child.supervisorEnded() == [])
        #expect(child.pipesEnded() == [.release, .finish])
        #expect(child.reasonAtEnd == nil)
    }

    @Test func stoppingADrainingChildKeepsItsOwnOutcome() {
        var child = draining()
        #expect(child.stop(.cancelled, at: .seconds(5)) == [.limitPipes])
        #expect(child.pipesEnded() == [.release, .finish])
        #expect(child.reasonAtEnd == nil)
    }

    @Test func theTimeoutTerminatesAndTheGraceTimeKills() {
        var child = running()
        #expect(child.timePassed(to: .milliseconds(9999)) == [])
        #expect(child.timePassed(to: .seconds(10)) == [.terminate])
        #expect(!child.isCapturing)
        #expect(child.deadline == .seconds(12))
        #expect(child.timePassed(to: .seconds(12)) == [.kill])
        #expect(child.deadline == nil)
        #expect(child.childExited(at: .seconds(12)) == [])
        #expect(child.supervisorEnded() == [.finish])
        #expect(child.reasonAtEnd == .timedOut)
    }

    @Test func aStoppedChildThatLeavesOthersBehindIsReportedOnlyWhenTheyAreKilled() {
        var child = stopping()
        #expect(child.childExited(at: .seconds(5)) == [])
        #expect(child.timePassed(to: .seconds(7)) == [.kill])
        #expect(child.pipesEnded() == [])
        #expect(child.supervisorEnded() == [.finish])
        #expect(child.reasonAtEnd == .cancelled)
    }

    @Test func aStoppedChildWhosePipesEndNeedsNoMoreGrace() {
        var child = stopping()
        #expect(child.pipesEnded() == [])
        #expect(child.childExited(at: .seconds(6)) == [.kill])
        var other = stopping()
        #expect(other.childExited(at: .seconds(6)) == [])
        #expect(other.pipesEnded() == [.kill])
    }

    @Test func theFirstReasonToStopWins() {
        var child = running()
        #expect(child.stop(.cancelled, at: .seconds(9)) == [.terminate])
        #expect(child.stop(.timedOut, at: .seconds(9)) == [])
        #expect(child.timePassed(to: .seconds(10)) == [])
        #expect(child.timePassed(to: .seconds(11)) == [.kill])
        #expect(child.stop(.timedOut, at: .seconds(11)) == [])
        #expect(child.pipesEnded() == [])
        #expect(child.supervisorEnded() == [.finish])
        #expect(child.reasonAtEnd == .cancelled)
    }

    @Test func whereTheSupervisorIsKilledTheGroupIsKilledAndTheEndReported() {
        var child = running()
        #expect(child.supervisorEnded() == [.killGroup, .finish])
        #expect(child.reasonAtEnd == nil)
        var other = stopping()
        #expect(other.supervisorEnded() == [.killGroup, .finish])
        #expect(other.reasonAtEnd == .cancelled)
    }

    @Test func anEndedChildIgnoresEverything() {
        var child = killed()
        _ = child.supervisorEnded()
        let ended = child
        #expect(child.childExited(at: .seconds(9)) == [])
        #expect(child.supervisorEnded() == [])
        #expect(child.pipesEnded() == [])
        #expect(child.stop(.cancelled, at: .seconds(9)) == [])
        #expect(child.timePassed(to: .seconds(99)) == [])
        #expect(child.state == ended.state)
        #expect(child.deadline == nil)
    }
}

import Testing

@testable import Systems

@Suite struct CommandMachineTests {
    private func machine(
        _ nodes: Int, concurrency: String = "50", errors: String = "0", rampsUp: Bool = false
    ) throws -> CommandMachine {
        CommandMachine(
            (1...max(1, nodes)).prefix(nodes).map { CommandMachine.Invocation(node: "n\($0)") },
            rates: try #require(RateControl(maxConcurrency: concurrency, maxErrors: errors)), rampsUp: rampsUp)
    }

    private func runs(_ effects: [CommandMachine.Effect]) -> [String] {
        effects.compactMap { if case .run(let node) = $0 { node } else { nil } }
    }

    // MARK: Dispatch

    @Test func dispatchFillsTheSlotsInOrderAndRefillsThem() throws {
        var command = try machine(4, concurrency: "2")
        #expect(command.resume() == [.run(node: "n1"), .run(node: "n2"), .commandChanged(.inProgress)])
        #expect(command.accepted(by: "n2") == [.invocationChanged(node: "n2", .inProgress)])
        #expect(
            command.finished(by: "n2", .success) == [.invocationChanged(node: "n2", .success), .run(node: "n3")])
        #expect(command.resume() == [])
    }

    @Test func rampUpDoublesWithEachAcknowledgedStep() throws {
        var command = try machine(20, concurrency: "12", rampsUp: true)
        #expect(runs(command.resume()) == ["n1"])
        #expect(runs(command.accepted(by: "n1")) == ["n2", "n3"])
        #expect(runs(command.accepted(by: "n2")) == [])
        #expect(runs(command.accepted(by: "n3")) == ["n4", "n5", "n6", "n7"])
        for node in ["n4", "n5", "n6"] { #expect(runs(command.accepted(by: node)) == []) }
        #expect(runs(command.accepted(by: "n7")) == ["n8", "n9", "n10", "n11", "n12"])
        // The limit is reached: from here on a slot is refilled when its holder ends, acknowledged or not.
        #expect(runs(command.finished(by: "n1", .success)) == ["n13"])
    }

    @Test func rampUpIsNotHeldByAnOfflineNode() throws {
        var command = try machine(5, rampsUp: true)
        #expect(runs(command.resume()) == ["n1"])
        let effects = command.unreachable("n1")
        #expect(effects.first == .invocationChanged(node: "n1", .delayed))
        #expect(runs(effects) == ["n2", "n3"])
    }

    @Test func anOfflineNodeKeepsItsSlot() throws {
        var command = try machine(2, concurrency: "1")
        _ = command.resume()
        #expect(runs(command.unreachable("n1")) == [])
        #expect(command.accepted(by: "n1") == [.invocationChanged(node: "n1", .inProgress)])
    }

    // MARK: Errors

    @Test(arguments: [("10%", 50, 6), ("40%", 10, 5), ("0", 10, 1), ("3", 10, 4)])
    func dispatchStopsWithTheErrorAfterTheLimit(_ errors: String, _ nodes: Int, _ stopsAt: Int) throws {
        var command = try machine(nodes, concurrency: "1", errors: errors)
        _ = command.resume()
        for number in 1...stopsAt {
            let effects = command.finished(by: "n\(number)", number.isMultiple(of: 2) ? .failed : .executionTimedOut)
            #expect(runs(effects) == (number < stopsAt ? ["n\(number + 1)"] : []))
        }
        #expect(command.status == (stopsAt == 1 ? .executionTimedOut : .failed))
        #expect(command.invocations.filter { $0.status == .terminated }.count == nodes - stopsAt)
        #expect(command.errorCount == stopsAt)
        #expect(command.completedCount == nodes)
    }

    @Test func whatWasSentBeforeTheStopRunsToItsEnd() throws {
        var command = try machine(5, concurrency: "2")
        _ = command.resume()
        #expect(
            command.finished(by: "n1", .failed) == [
                .invocationChanged(node: "n1", .failed), .invocationChanged(node: "n3", .terminated),
                .invocationChanged(node: "n4", .terminated), .invocationChanged(node: "n5", .terminated),
            ])
        #expect(command.status == .inProgress)
        #expect(
            command.finished(by: "n2", .success) == [
                .invocationChanged(node: "n2", .success), .commandChanged(.failed),
            ])
    }

    @Test func aHundredPercentOfErrorsNeverStops() throws {
        var command = try machine(3, concurrency: "1", errors: "100%")
        _ = command.resume()
        for node in ["n1", "n2", "n3"] { _ = command.finished(by: node, .failed) }
        #expect(command.status == .incomplete)
    }

    // MARK: Every state against every input

    private enum Input: CaseIterable {
        case resume, sent, unreachable, accepted, success, failed, executionTimedOut, cancelled, deliveryTimedOut
        case cancel, expire
    }

    private func apply(_ input: Input, to command: inout CommandMachine) -> [CommandMachine.Effect] {
        switch input {
        case .resume: return command.resume()
        case .sent:
            command.sent(to: "a")
            return []
        case .unreachable: return command.unreachable("a")
        case .accepted: return command.accepted(by: "a")
        case .success: return command.finished(by: "a", .success)
        case .failed: return command.finished(by: "a", .failed)
        case .executionTimedOut: return command.finished(by: "a", .executionTimedOut)
        case .cancelled: return command.finished(by: "a", .cancelled)
        case .deliveryTimedOut: return command.finished(by: "a", .deliveryTimedOut)
        case .cancel: return command.cancel(["a"])
        case .expire: return command.expire()
        }
    }

    /// The status that node `a` has after the input; `b` stays waiting behind it.
    private func expected(
        _ status: InvocationStatus, _ stage: CommandMachine.Stage, _ input: Input
    ) -> InvocationStatus {
        if status.isTerminal { return status }
        switch input {
        case .resume, .sent: return status
        case .unreachable: return status == .pending && stage != .waiting ? .delayed : status
        case .cancel:
            if status == .cancelling { return .cancelling }
            return stage == .waiting || stage == .dispatched ? .cancelled : .cancelling
        case .expire: return status == .cancelling ? .cancelled : .deliveryTimedOut
        default: break
        }
        if stage == .waiting { return status }
        switch input {
        case .accepted: return status == .cancelling ? .cancelling : .inProgress
        case .success: return .success
        case .failed: return .failed
        case .executionTimedOut: return .executionTimedOut
        case .cancelled: return .cancelled
        default: return .deliveryTimedOut
        }
    }

    @Test func everyStateTakesEveryInput() throws {
        let rates = try #require(RateControl(maxConcurrency: "1", maxErrors: "100%"))
        for status in InvocationStatus.allCases {
            for stage in CommandMachine.Stage.allCases {
                for input in Input.allCases {
                    var command = CommandMachine(
                        [
                            CommandMachine.Invocation(node: "blocker", status: .inProgress, stage: .accepted),
                            CommandMachine.Invocation(node: "a", status: status, stage: stage),
                        ], rates: rates, rampsUp: false, status: .inProgress)
                    let effects = apply(input, to: &command)
                    let after = try #require(command.invocation(of: "a"))
                    let wanted = expected(status, stage, input)
                    #expect(after.status == wanted, "\(status) at \(stage), \(input)")
                    let isReported = effects.contains(.invocationChanged(node: "a", wanted))
                    #expect(isReported == (wanted != status), "\(status) at \(stage), \(input)")
                    #expect(effects.contains(.cancel(node: "a")) == (wanted == .cancelling && status != .cancelling))
                    #expect(!effects.contains(.run(node: "a")), "the one slot is taken")
                }
            }
        }
    }

    @Test func stagesOnlyRise() throws {
        var command = try machine(1)
        command.sent(to: "n1")
        #expect(command.invocations[0].stage == .waiting)
        _ = command.resume()
        #expect(command.invocations[0].stage == .dispatched)
        command.sent(to: "n1")
        #expect(command.invocations[0].stage == .sent)
        _ = command.accepted(by: "n1")
        command.sent(to: "n1")
        #expect(command.invocations[0].stage == .accepted)
    }

    @Test func unknownNodesChangeNothing() throws {
        var command = try machine(1)
        let before = command
        command.sent(to: "x")
        #expect(command.unreachable("x") + command.accepted(by: "x") + command.finished(by: "x", .failed) == [])
        #expect(command.invocations == before.invocations)
    }

    // MARK: Cancel

    @Test func cancellingTheCommandEndsWhatHasNotBegunAndAsksTheRest() throws {
        var command = try machine(3, concurrency: "2")
        _ = command.resume()
        command.sent(to: "n1")
        #expect(
            command.cancel() == [
                .invocationChanged(node: "n1", .cancelling), .cancel(node: "n1"),
                .invocationChanged(node: "n2", .cancelled), .invocationChanged(node: "n3", .cancelled),
                .commandChanged(.cancelling),
            ])
        #expect(command.cancel() == [])
        #expect(
            command.finished(by: "n1", .cancelled) == [
                .invocationChanged(node: "n1", .cancelled), .commandChanged(.cancelled),
            ])
        #expect(command.cancel() == [])
    }

    @Test func aResultThatCameBeforeTheCancelWins() throws {
        var command = try machine(1)
        _ = command.resume()
        _ = command.accepted(by: "n1")
        _ = command.cancel()
        _ = command.finished(by: "n1", .success)
        #expect(command.invocations[0].status == .success)
        #expect(command.status == .cancelled)
    }

    @Test func cancellingOneNodeLetsTheOthersGoOn() throws {
        var command = try machine(2, concurrency: "1")
        _ = command.resume()
        #expect(command.cancel(["n1", "unknown"]) == [.invocationChanged(node: "n1", .cancelled), .run(node: "n2")])
        _ = command.finished(by: "n2", .success)
        #expect(command.status == .incomplete)
    }

    // MARK: Summing up

    private func status(
        _ statuses: [InvocationStatus], errors: String = "0", isCancelled: Bool = false
    ) throws -> CommandStatus {
        var command = CommandMachine(
            statuses.enumerated().map { CommandMachine.Invocation(node: "n\($0)", status: $1, stage: .accepted) },
            rates: try #require(RateControl(maxConcurrency: "50", maxErrors: errors)), status: .inProgress,
            isCancelled: isCancelled)
        _ = command.resume()
        return command.status
    }

    @Test func theCommandSumsUpItsInvocationsInThePublishedOrder() throws {
        #expect(try status([]) == .noInstancesInTag)
        #expect(try status([.success, .success]) == .success)
        #expect(try status([.success, .cancelled], isCancelled: true) == .cancelled)
        #expect(try status([.success, .success], isCancelled: true) == .cancelled)
        #expect(try status([.success, .failed]) == .failed)
        #expect(try status([.executionTimedOut, .failed]) == .failed)
        #expect(try status([.executionTimedOut, .executionTimedOut]) == .executionTimedOut)
        #expect(try status([.undeliverable, .undeliverable]) == .undeliverable)
        #expect(try status([.invalidPlatform]) == .invalidPlatform)
        #expect(try status([.accessDenied, .accessDenied]) == .accessDenied)
        #expect(try status([.accessDenied, .undeliverable]) == .failed)
        #expect(try status([.undeliverable, .undeliverable, .undeliverable, .undeliverable, .success]) == .success)
        #expect(try status([.success, .deliveryTimedOut]) == .deliveryTimedOut)
        #expect(try status([.success, .deliveryTimedOut], errors: "1") == .incomplete)
        #expect(try status([.success, .failed], errors: "1") == .incomplete)
        #expect(try status([.success, .cancelled]) == .incomplete)
        #expect(try status([.failed, .deliveryTimedOut]) == .failed)
        #expect(try status([.success, .pending]) == .inProgress)
        #expect(try status([.success, .cancelling], isCancelled: true) == .cancelling)
    }

    @Test func aCommandWithoutNodesEndsAtOnce() throws {
        var command = try machine(0)
        #expect(command.resume() == [.commandChanged(.noInstancesInTag)])
        #expect(command.status.status == "Success")
    }

    // MARK: Restart

    @Test func aMachineMadeFromStoredStatesGoesOnWhereItWas() throws {
        let stored: [CommandMachine.Invocation] = [
            .init(node: "n1", status: .success, stage: .accepted),
            .init(node: "n2", status: .inProgress, stage: .accepted),
            .init(node: "n3", status: .pending, stage: .sent), .init(node: "n4"), .init(node: "n5"),
        ]
        var command = CommandMachine(
            stored, rates: try #require(RateControl(maxConcurrency: "3", maxErrors: "0")), rampsUp: false,
            status: .inProgress)
        #expect(command.resume() == [.run(node: "n4")])
        _ = command.finished(by: "n3", .success)
        #expect(command.invocation(of: "n5")?.stage == .dispatched)
    }
}

internal import API
internal import Core
internal import Platform

/// The way of output to the server: onto the disk first, then over the link within the credit that the server gives.
extension Agent {
    /// How long the server may take no output of a command in before its end is reported without.
    private static let creditTimeMax = Duration.seconds(30)
    private static let pieceBytesMax = 32 << 10

    /// Keeps output of the step that runs and sends what the server is ready for.
    ///
    /// Of a command whose output is wanted however much it is, the step waits where too much has not been taken in;
    /// while there is no server, and once the command is cancelled, what does not fit is passed over instead, so that
    /// neither waits for the other.
    func stream(_ piece: StreamedOutput.Piece) async {
        let id = piece.output.command
        guard let command = commands[id]?.command, let index = spool(for: piece.output) else { return }
        while command.streamsOutput, uploads[id]?.spools[index].isFull == true {
            guard isRegistered, !isStopping, !isCancelled(id), uploads[id]?.isTakenIn == true else { return }
            await withCheckedContinuation { uploads[id]?.waiter = $0 }
        }
        let limit = command.streamsOutput ? nil : command.outputBytesMax
        do throws(FileError) {
            try uploads[id]?.spools[index].append(piece, limit: limit)
        } catch {
            log.error("output of the command \(id) is lost from here on: \(error)")
        }
        pump(id)
    }

    /// Where the outputs of a step go on: at their beginning, but for a step that runs once more after a reboot.
    func nextOutputs(of step: String, in id: Identifier) -> [NodeOutput] {
        OutputStream.allCases.map { stream in
            var output = NodeOutput(command: id, step: step, stream: stream.rawValue, offset: 0)
            if let upload = uploads[id], let index = upload.index(of: output) {
                output.offset = upload.spools[index].end
            }
            return output
        }
    }

    private func spool(for output: NodeOutput) -> Int? {
        let id = output.command
        guard let upload = uploads[id] else { return nil }
        if let index = upload.index(of: output) { return index }
        var first = output
        first.offset = 0
        do throws(FileError) {
            let directory = try store.outputDirectory(of: output.step, in: id)
            uploads[id]?.spools.append(OutputSpool(first, directory: directory))
        } catch {
            log.error("output of the command \(id) cannot be kept: \(error)")
            return nil
        }
        return upload.spools.count
    }

    /// Sends what there is of a command's output, as far as the credit goes, and after all of it the end.
    func pump(_ id: Identifier) {
        guard isRegistered, let count = uploads[id]?.spools.count, uploads[id]?.isTakenIn == true else { return }
        for index in 0..<count {
            while let upload = uploads[id], !upload.spools[index].isSent {
                guard upload.credit > 0 else {
                    uploads[id]?.stalledSince = upload.stalledSince ?? clock.monotonic
                    return
                }
                guard let piece = upload.spools[index].next(bytesMax: min(upload.credit, Agent.pieceBytesMax)) else {
                    log.error("output of the command \(id) cannot be read again and is not sent")
                    uploads[id]?.spools[index].giveUp()
                    continue
                }
                // A queue that is full now is tried again a moment later.
                guard send(NodeMessage(.output, piece.output.json, payload: piece.bytes)) else { return }
                uploads[id]?.spools[index].sent(piece.bytes.count)
                uploads[id]?.credit -= piece.bytes.count
            }
        }
    }

    /// Goes on with all uploads, and gives up those that the server has taken nothing of for long.
    func pumpAll(_ now: Duration) {
        guard isRegistered else { return }
        for (id, upload) in uploads {
            if let since = upload.stalledSince, now - since >= Agent.creditTimeMax {
                log.warning("the server takes no output of the command \(id) in; the rest is not sent")
                uploads[id]?.stalledSince = nil
                uploads[id]?.isTakenIn = false
                releaseWaiter(id)
            }
            let wasComplete = upload.isComplete
            pump(id)
            if !wasComplete, uploads[id]?.isComplete == true { report(id) }
        }
    }

    /// The server has taken in so many bytes, up to the place.
    func addCredit(_ place: NodeOutput, _ bytes: Int) {
        let id = place.command
        guard bytes > 0, let upload = uploads[id], let index = upload.index(of: place) else { return }
        uploads[id]?.credit = min(upload.credit + bytes, outputWindowBytes)
        uploads[id]?.stalledSince = nil
        uploads[id]?.spools[index].taken(upTo: place.offset)
        releaseWaiter(id)
        pump(id)
        if !upload.isComplete { report(id) }
    }

    /// The step has ended: nothing more is written to its outputs.
    func closeSpools(_ id: Identifier) {
        for spool in uploads[id]?.spools ?? [] { spool.close() }
    }

    func releaseWaiter(_ id: Identifier) {
        guard let waiter = uploads[id]?.waiter else { return }
        uploads[id]?.waiter = nil
        waiter.resume()
    }

    func releaseWaiters() {
        for id in uploads.keys { releaseWaiter(id) }
    }
}

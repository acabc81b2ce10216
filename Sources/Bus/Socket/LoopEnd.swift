/// The last thing that happens on a loop's thread.
actor LoopEnd {
    nonisolated let unownedExecutor: UnownedSerialExecutor
    private let loop: BusLoop

    init(loop: BusLoop) {
        self.loop = loop
        unownedExecutor = loop.asUnownedSerialExecutor()
    }

    /// Waits here, where it holds up nobody, until the sockets' last messages are sent, and ends the thread.
    func terminate(_ context: Context) {
        context.terminate()
        loop.stop()
    }
}

internal import Glibc

/// Where output goes: a terminal, a pipe, or a test.
protocol Terminal: Sendable {
    /// Whether a person is watching standard output.
    var isInteractive: Bool { get }
    /// Columns of standard output; 80 where it is no terminal.
    var width: Int { get }

    func write(_ text: String)
    func writeError(_ text: String)
}

/// The process's own standard output and standard error, unbuffered.
struct StandardTerminal: Terminal {
    let isInteractive = isatty(STDOUT_FILENO) == 1

    var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    func write(_ text: String) { write(text, to: STDOUT_FILENO) }

    func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    private func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while let start = rest.baseAddress, rest.count > 0 {
                let count = Glibc.write(descriptor, start, rest.count)
                if count < 0 && errno == EINTR { continue }
                // A closed pipe ends the process by its signal; for other failures there is no one to tell.
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}

internal import Glibc
internal import Platform

@main
struct Main {
    static func main() async {
        let program = Program(
            terminal: StandardTerminal(),
            environment: { name in getenv(name).map { String(cString: $0) } },
            connect: { configuration in try BusConnection(configuration) },
            openStandardInput: {
                let reader = try FileReader("/dev/stdin")
                return { try reader.next() }
            })
        let exitCode = await program.run(Array(CommandLine.arguments.dropFirst()))
        exit(exitCode.rawValue)
    }
}

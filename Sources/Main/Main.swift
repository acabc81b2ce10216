internal import Glibc
internal import Platform

@main
struct Main {
    static func main() async {
        let program = Program(
            terminal: StandardTerminal(),
            environment: { name in getenv(name).map { String(cString: $0) } },
            connect: { configuration in try BusConnection(configuration) },
            readStandardInput: { try Files.read("/dev/stdin") })
        let exitCode = await program.run(Array(CommandLine.arguments.dropFirst()))
        exit(exitCode.rawValue)
    }
}

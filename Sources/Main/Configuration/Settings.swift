internal import Core
internal import Gateway
internal import Platform

/// Every setting.
enum Settings {
    static let data = Setting(
        "data", "DIR", .file, "opsbus-data", "The directory that holds everything the server keeps.")
    static let rules = Setting<String?>(
        "rules", "DIR", .file, "Rule files to load, and to load again when they change.")

    static let requests = Setting(
        "requests", "ENDPOINT", .endpoint, "tcp://127.0.0.1:7401", "Where operations are called.")
    static let stream = Setting(
        "stream", "ENDPOINT", .endpoint, "tcp://127.0.0.1:7402", "Where messages are subscribed to.")
    static let nodes = Setting("nodes", "ENDPOINT", .endpoint, "tcp://127.0.0.1:7403", "Where agents connect.")

    static let http = Setting(
        "http", "URL|none", .listenAddress, standard: ListenAddress.standard,
        text: "http://127.0.0.1:7400", "Where clients of AWS call operations.")
    static let httpAuthentication = Setting(
        "http-auth", "MODE", .choices(of: AuthenticationMode.self), standard: .development, text: "development",
        "Who may: in development every program of this machine, whatever key it has; required: who signs with a stored "
            + "access key.")
    static let httpCertificate = Setting<String?>(
        "http-certificate", "FILE", .file, "The server's certificate and its chain in PEM, for https://.")
    static let httpKey = Setting<String?>("http-key", "FILE", .file, "The key of that certificate, in PEM.")
    static let resetToken = Setting<String?>(
        "reset-token", "TOKEN", .text, secret: true,
        "Lets whoever knows it wipe all state with POST /_opsbus/reset: for test suites.")

    static let account = Setting("account", "DIGITS", .account, "123456789012", "The account in ARNs and events.")
    static let region = Setting("region", "NAME", .region, "us-east-1", "The region in ARNs and events.")

    static let curve = Setting(
        "curve", "true|false|FILE", .curve, standard: .off, text: "false",
        "Whether the server's sockets are encrypted and only registered keys connect; FILE is the server's key pair, "
            + "kept in the data directory otherwise.")
    static let serverKey = Setting<String?>(
        "server-key", "KEY|FILE", .file, "The server's public key, for clients and agents of an encrypted bus.")
    static let clientKey = Setting<String?>(
        "client-key", "FILE", .file, "This client's or agent's own key pair (see 'opsbus keys generate').")

    static let retention = Setting(
        "retention", "DURATION", .duration, standard: .seconds(7 * 86_400), text: "7d",
        "How long the stream is kept.")
    static let auditRetention = Setting(
        "audit-retention", "DURATION", .duration, standard: .seconds(365 * 86_400), text: "365d",
        "How long the audit log is kept.")
    static let segmentSize = Setting(
        "segment-size", "BYTES", .byteCount, standard: 64 << 20, text: "64MiB",
        "Size of one journal file; retention removes whole ones.")
    static let outputSize = Setting(
        "output-size", "BYTES", .byteCount, standard: 16 << 20, text: "16MiB",
        "What is kept of each output of a command on a node.")
    static let outputTotal = Setting(
        "output-total", "BYTES", .byteCount, standard: 4 << 30, text: "4GiB",
        "What is kept of all outputs; past it those of the oldest commands go.")
    static let deduplicationWindow = Setting(
        "deduplication-window", "DURATION", .duration, standard: .seconds(600), text: "10m",
        "How long an event id that was sent again is recognised.")
    static let acceptUnknownBuses = Setting(
        "accept-unknown-buses", "true|false", .boolean, standard: false, text: "false",
        "Whether an event for a bus that does not exist is answered as taken, and vanishes, as at AWS; it is refused "
            + "otherwise.")
    static let targetsPerRule = Setting(
        "targets-per-rule", "N", .integer(1...Limits.targetsPerRuleMax), standard: Limits.targetsPerRuleMax,
        text: "\(Limits.targetsPerRuleMax)",
        "How many targets clients may give a rule; at AWS it is 5 until one asks for more.")
    static let s3Endpoint = Setting<String?>(
        "s3-endpoint", "URL", .text, "S3-compatible storage for the output of commands (OutputS3BucketName).")
    static let s3Region = Setting("s3-region", "NAME", .text, "us-east-1", "The region that requests to it name.")
    static let s3AccessKey = Setting<String?>("s3-access-key", "ID", .text, "The access key for it.")
    static let s3SecretKey = Setting<String?>(
        "s3-secret-key", "SECRET", .text, secret: true, "The secret of that key; better kept in OPSBUS_S3_SECRET_KEY.")
    static let embeddedAgent = Setting(
        "embedded-agent", "true|false", .boolean, standard: true, text: "true",
        "Whether the server's own machine is a managed node.")

    static let agentState = Setting(
        "agent-state", "DIR", .file, "opsbus-agent", "The directory where an agent keeps its identity and its work.")
    static let activationID = Setting<String?>(
        "activation-id", "ID", .text, "Registers the agent's node (see 'opsbus nodes activate').")
    static let activationCode = Setting<String?>(
        "activation-code", "CODE", .text, secret: true, "The code that belongs to the activation.")

    static let runAs = Setting<String?>(
        "run-as", "USER", .text, "As whom commands run; as the agent itself where it is not given.")
    static let limitMemory = Setting<Int?>(
        "limit-memory", "BYTES", ValueSyntax.byteCount.optional, standard: nil, text: "",
        "Memory that each process of a script may take.")
    static let limitProcesses = Setting<Int?>(
        "limit-processes", "N", ValueSyntax.positive.optional, standard: nil, text: "",
        "Processes that the user of --run-as may have.")
    static let limitFiles = Setting<Int?>(
        "limit-files", "N", ValueSyntax.positive.optional, standard: nil, text: "",
        "Files that each process of a script may have open.")
    static let limitFileSize = Setting<Int?>(
        "limit-file-size", "BYTES", ValueSyntax.byteCount.optional, standard: nil, text: "",
        "How long a file that a script writes may get.")
    static let limitProcessor = Setting<Duration?>(
        "limit-cpu", "DURATION", ValueSyntax.duration.optional, standard: nil, text: "",
        "Processor time that each process of a script may take.")

    static let logLevel = Setting(
        "log-level", "LEVEL", .choices(of: Log.Level.self), standard: .info, text: "info",
        "The least important messages to log: debug, info, warning or error.")
    static let logFormat = Setting(
        "log-format", "FORMAT", .choices(of: Log.Format.self), standard: .text, text: "text",
        "Log lines as text or json.")

    static let all: [any SettingDeclaration] = [
        data, rules, requests, stream, nodes, http, httpAuthentication, httpCertificate, httpKey, resetToken, account,
        region, curve, serverKey, clientKey, retention, auditRetention, segmentSize, outputSize, outputTotal,
        s3Endpoint, s3Region, s3AccessKey, s3SecretKey, deduplicationWindow, acceptUnknownBuses, targetsPerRule,
        embeddedAgent, agentState, activationID, activationCode, runAs, limitMemory, limitProcesses, limitFiles,
        limitFileSize, limitProcessor, logLevel, logFormat,
    ]

    /// Those that a client needs, flags of every command.
    static let ofClients: [any SettingDeclaration] = [requests, stream, serverKey, clientKey]

    static let ofServer: [any SettingDeclaration] = [
        data, rules, nodes, http, httpAuthentication, httpCertificate, httpKey, resetToken, account, region, curve,
        retention, auditRetention, segmentSize, outputSize, outputTotal, s3Endpoint, s3Region, s3AccessKey,
        s3SecretKey, deduplicationWindow, acceptUnknownBuses, targetsPerRule, embeddedAgent,
    ] + ofScripts + [logLevel, logFormat]

    static let ofAgent: [any SettingDeclaration] =
        [nodes, agentState, activationID, activationCode] + ofScripts + [logLevel, logFormat]

    /// What the scripts of commands are held to, on a node or on the server's own.
    private static let ofScripts: [any SettingDeclaration] = [
        runAs, limitMemory, limitProcesses, limitFiles, limitFileSize, limitProcessor,
    ]
}

/// Whether the bus is encrypted, and with which key pair.
enum Curve: Sendable, Hashable {
    case off
    /// With the key pair in the data directory, made at the first start.
    case on
    case keyFile(String)
}

extension ValueSyntax where Value == Curve {
    static let curve = ValueSyntax(completion: .files) { (text) throws(ValueError) in
        switch text.lowercased() {
        case "true", "yes", "on": return .on
        case "false", "no", "off": return .off
        case "": throw ValueError("is neither true, false nor a file")
        default: return .keyFile(text)
        }
    }
}

extension ListenAddress {
    static let standard = try? ListenAddress("http://127.0.0.1:7400")
}

extension ValueSyntax where Value == ListenAddress? {
    /// Nil for `none`.
    static let listenAddress = ValueSyntax { (text) throws(ValueError) in
        if text == "none" { return nil }
        do throws(GatewayError) {
            return try ListenAddress(text)
        } catch {
            throw ValueError("is not http://HOST:PORT, https://HOST:PORT (port up to 65535) or none")
        }
    }
}

extension ValueSyntax where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    static func choices(of type: Value.Type) -> ValueSyntax {
        let names = type.allCases.map(\.rawValue)
        let choice = ValueSyntax<String>.choice(names)
        return ValueSyntax(completion: .values(names)) { (text) throws(ValueError) in
            guard let value = Value(rawValue: try choice.parse(text)) else { throw ValueError("is unknown") }
            return value
        }
    }
}

internal import API
internal import Core

/// The operations on the sources of AWS partners and on global endpoints.
///
/// Both exist only between accounts and regions of AWS: none can be made here, so lists are empty and names unknown.
/// What would make one is refused, rather than kept without effect.
struct PartnerOperations: Sendable {
    private static let source = Field.required(
        "Name", .string(length: 1...256, pattern: #"aws\.partner(/[\.\-_A-Za-z0-9]+){2,}"#))
    private static let account = Field.required("Account", .string(length: 12...12, pattern: #"\d{12}"#))
    private static let endpoint = Field.required("Name", .name(1...64, .resourceName))
    private static let endpointSettings: [Field] = [
        .optional("Description", .string(length: 0...512)),
        .optional(
            "RoutingConfig",
            .structure([
                .required(
                    "FailoverConfig",
                    .structure([
                        .required(
                            "Primary",
                            .structure([
                                .required(
                                    "HealthCheck",
                                    .string(
                                        length: 1...1600,
                                        pattern: #"^arn:aws([a-z]|\-)*:route53:::healthcheck/[\-a-z0-9]+$"#))
                            ])),
                        .required(
                            "Secondary",
                            .structure([.required("Route", .string(length: 9...20, pattern: #"^[\-a-z0-9]+$"#))])),
                    ]))
            ])),
        .optional(
            "ReplicationConfig", .structure([.optional("State", .string(values: ["ENABLED", "DISABLED"]))])),
        .optional(
            "EventBuses",
            .list(
                .structure([
                    .required(
                        "EventBusArn",
                        .string(
                            length: 1...512,
                            pattern: #"^arn:aws[a-z-]*:events:[a-z]+-[a-z-]+-\d+:\d{12}:event-bus/[\w.-]+$"#))
                ]), count: 2...2)),
        .optional(
            "RoleArn", .string(length: 1...256, pattern: #"^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$"#)),
    ]
    private static let page: [Field] = [
        .optional("NextToken", .string(length: 1...2048)), .optional("Limit", .integer(1...100)),
    ]

    var all: [Operation] { sources + partners + endpoints }

    private var sources: [Operation] {
        let prefix = Field.optional("NamePrefix", .name(1...256, .busName))
        return [
            unknown("ActivateEventSource", "Activates the source of a partner.", .writes, PartnerOperations.source),
            unknown("DeactivateEventSource", "Deactivates the source of a partner.", .writes, PartnerOperations.source),
            unknown("DescribeEventSource", "Answers the source of a partner.", .reads, PartnerOperations.source),
            Operation(
                "events:ListEventSources", "Lists the sources of partners, of which there are none.", .reads,
                input: [prefix] + PartnerOperations.page, handler: { _, _ in ["EventSources": []] }),
        ]
    }

    private var partners: [Operation] {
        let prefix = Field.required(
            "NamePrefix",
            .string(length: 1...256, pattern: #"aws\.partner/[\.\-_A-Za-z0-9]+/[/\.\-_A-Za-z0-9]*"#))
        let source = PartnerOperations.source
        return [
            refused(
                "CreatePartnerEventSource", "Would make a source of a partner for another account.",
                [source, PartnerOperations.account]),
            refused(
                "DeletePartnerEventSource", "Would delete a source of a partner.", [source, PartnerOperations.account]),
            unknown("DescribePartnerEventSource", "Answers a source that this account offers.", .reads, source),
            Operation(
                "events:ListPartnerEventSources", "Lists the sources that this account offers: none.", .reads,
                input: [prefix] + PartnerOperations.page, handler: { _, _ in ["PartnerEventSources": []] }),
            Operation(
                "events:ListPartnerEventSourceAccounts", "Lists the accounts to which a source is offered.", .reads,
                input: [.required("EventSourceName", PartnerOperations.source.shape)] + PartnerOperations.page,
                handler: { input, _ in throw PartnerOperations.missing(input["EventSourceName"]) }),
            refused(
                "PutPartnerEvents", "Would put events of a partner on the buses of others.",
                [.required("Entries", .list(.any, count: 1...20))]),
        ]
    }

    private var endpoints: [Operation] {
        let name = PartnerOperations.endpoint
        let settings = PartnerOperations.endpointSettings
        let missing: Operation.Handler = { input, _ in
            throw ServiceError(.resourceNotFound, "Endpoint \(input["Name"]?.string ?? "") does not exist.")
        }
        return [
            refused("CreateEndpoint", "Would make a global endpoint of two regions.", [name] + settings),
            Operation(
                "events:UpdateEndpoint", "Changes a global endpoint, of which there are none.", .writes,
                input: [name] + settings, handler: missing),
            Operation(
                "events:DeleteEndpoint", "Deletes a global endpoint, of which there are none.", .writes, input: [name],
                handler: missing),
            Operation(
                "events:DescribeEndpoint", "Answers a global endpoint, of which there are none.", .reads,
                input: [name, .optional("HomeRegion", .string(length: 9...20))], handler: missing),
            Operation(
                "events:ListEndpoints", "Lists global endpoints, of which there are none.", .reads,
                input: [
                    .optional("NamePrefix", .name(1...64, .resourceName)),
                    .optional("HomeRegion", .string(length: 9...20)), .optional("NextToken", .string(length: 1...2048)),
                    .optional("MaxResults", .integer(1...100)),
                ], handler: { _, _ in ["Endpoints": []] }),
        ]
    }

    private func unknown(
        _ name: String, _ summary: String, _ effect: Operation.Effect, _ field: Field
    ) -> Operation {
        Operation("events:\(name)", summary, effect, input: [field]) { input, _ in
            throw PartnerOperations.missing(input["Name"])
        }
    }

    private func refused(_ name: String, _ summary: String, _ input: [Field]) -> Operation {
        Operation("events:\(name)", summary, .writes, input: input) { _, _ in
            throw ServiceError(
                .unsupportedOperation,
                "\(name) is not offered: what it makes exists only between accounts and regions of AWS.")
        }
    }

    private static func missing(_ name: JSON?) -> ServiceError {
        ServiceError(.resourceNotFound, "Event source \(name?.string ?? "") does not exist.")
    }
}

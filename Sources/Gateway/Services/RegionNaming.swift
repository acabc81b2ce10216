internal import API
internal import Access
internal import Core

/// Lets a client be in any region.
///
/// The server is in one region and knows no other. A client names the region that it signs for, or that its
/// configuration happens to have, and every ARN of this account that it sends or gets is written with that name. So
/// there is one set of resources, whatever the regions of those who use it. ARNs inside longer texts, such as patterns
/// and policies, stay as they are. Events that a client puts are of its region.
struct RegionNaming: Sendable {
    /// The client's.
    let region: String
    private let server: Account

    /// - Parameter client: What the request is signed for.
    /// - Returns: Nil where there is nothing to rewrite: the client names no region, or the server's own.
    init?(client: String?, server: Account) {
        guard let client, client != server.region, RegionNaming.isRegion(client) else { return nil }
        region = client
        self.server = server
    }

    init?(_ request: HTTPRequest, server: Account) {
        self.init(client: RequestSignature.scope(of: request.signed)?.region, server: server)
    }

    /// The input as the server writes it.
    func incoming(_ input: JSON) -> JSON {
        RegionNaming.map(input) { arn in
            guard arn.region == region, isOwn(arn) else { return false }
            arn.region = server.region
            arn.partition = RegionNaming.partition(of: server.region)
            return true
        }
    }

    /// The output as the client writes it.
    func outgoing(_ output: JSON) -> JSON {
        RegionNaming.map(output) { arn in
            guard arn.region == server.region, isOwn(arn) else { return false }
            arn.region = region
            arn.partition = RegionNaming.partition(of: region)
            return true
        }
    }

    /// Whether an ARN is of this account, or of no account.
    private func isOwn(_ arn: ARN) -> Bool { arn.account == server.id || arn.account.isEmpty }

    func outgoing(_ error: ServiceError) -> ServiceError {
        let message = error.message.replacing(":\(server.region):\(server.id):", with: ":\(region):\(server.id):")
        let members = outgoing(.object(error.members)).object ?? error.members
        return ServiceError(error.code, message, members: members)
    }

    /// - Parameter change: Whether it has changed the ARN.
    private static func map(_ value: JSON, _ change: (inout ARN) -> Bool) -> JSON {
        switch value {
        case .string(let text):
            guard text.hasPrefix("arn:"), var arn = ARN(text), change(&arn) else { return value }
            return .string(arn.description)
        case .array(let elements): return .array(elements.map { map($0, change) })
        case .object(let object):
            return .object(JSONObject(object.map { .init(key: $0.key, value: map($0.value, change)) }))
        case .null, .bool, .number: return value
        }
    }

    /// - Source: AWS General Reference, "Amazon Resource Names": partitions.
    private static func partition(of region: String) -> String {
        if region.hasPrefix("cn-") { return "aws-cn" }
        if region.hasPrefix("us-gov-") { return "aws-us-gov" }
        return "aws"
    }

    private static func isRegion(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "-")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            }
    }
}

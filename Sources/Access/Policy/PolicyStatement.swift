internal import Core

/// One statement of a policy.
public struct PolicyStatement: Sendable, Hashable {
    public enum Effect: String, Sendable {
        case allow = "Allow"
        case deny = "Deny"
    }

    /// `Sid`.
    public let identifier: String?
    public let effect: Effect
    private let principals: Clause
    private let actions: Clause
    private let resources: Clause
    private let conditions: [PolicyCondition]

    /// A list, or everything but a list: `Action` and `NotAction`.
    private struct Clause: Sendable, Hashable {
        var patterns: [String]
        var isNegated: Bool
    }

    private static let members = [
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
    ]

    init(_ json: JSON, at path: String) throws(PolicyError) {
        guard let object = json.object else { throw PolicyError(.member, "a statement is an object", at: path) }
        for member in object where !PolicyStatement.members.contains(member.key) {
            throw PolicyError(
                .member, "unknown member '\(member.key)'; a statement has \(Self.members.joined(separator: ", "))",
                at: path)
        }
        identifier = object["Sid"]?.string
        guard let effect = object["Effect"]?.string.flatMap(Effect.init) else {
            throw PolicyError(.member, "Effect must be Allow or Deny", at: path)
        }
        self.effect = effect
        principals = try PolicyStatement.clause(object, "Principal", at: path, read: PolicyStatement.principals)
        actions = try PolicyStatement.clause(object, "Action", at: path, read: PolicyStatement.texts)
        resources = try PolicyStatement.clause(object, "Resource", at: path, read: PolicyStatement.texts)
        conditions = try PolicyCondition.all(in: object["Condition"], at: path + ".Condition")
    }

    private static func clause(
        _ object: JSONObject, _ name: String, at path: String, read: (JSON, String) throws(PolicyError) -> [String]
    ) throws(PolicyError) -> Clause {
        let negation = "Not\(name)"
        switch (object[name], object[negation]) {
        case (let value?, nil): return Clause(patterns: try read(value, "\(path).\(name)"), isNegated: false)
        case (nil, let value?): return Clause(patterns: try read(value, "\(path).\(negation)"), isNegated: true)
        default: throw PolicyError(.member, "must have either \(name) or \(negation)", at: path)
        }
    }

    /// A text, or a list of them that is not empty.
    private static func texts(_ json: JSON, _ path: String) throws(PolicyError) -> [String] {
        let elements = json.array ?? [json]
        let texts = elements.compactMap(\.string)
        guard !texts.isEmpty, texts.count == elements.count, !texts.contains("") else {
            throw PolicyError(.member, "must be a text or a list of texts", at: path)
        }
        return texts
    }

    /// `*`, an account, or an object with `AWS` and `Service`; services are kept with their kind before them.
    private static func principals(_ json: JSON, _ path: String) throws(PolicyError) -> [String] {
        if let text = json.string {
            guard text == "*" || isAccount(text) || text.hasPrefix("arn:") else {
                throw PolicyError(
                    .member, #"must be "*", an account, an ARN, or an object with AWS or Service"#, at: path)
            }
            return [text]
        }
        guard let object = json.object, !object.isEmpty else {
            throw PolicyError(.member, #"must be "*", or an object with AWS or Service"#, at: path)
        }
        var principals: [String] = []
        for member in object {
            let texts = try texts(member.value, "\(path).\(member.key)")
            switch member.key {
            case "AWS":
                for text in texts where text != "*" && !isAccount(text) && ARN(text) == nil {
                    throw PolicyError(.member, "'\(text)' is neither an account nor an ARN", at: "\(path).AWS")
                }
                principals += texts
            case "Service": principals += texts.map { servicePrefix + $0 }
            default:
                throw PolicyError(.member, "'\(member.key)' is not offered; AWS and Service are", at: path)
            }
        }
        return principals
    }

    private static let servicePrefix = "service "

    private static func isAccount(_ text: String) -> Bool {
        text.utf8.count == 12 && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    func fits(_ request: PolicyRequest) -> Bool {
        principals.patterns.contains { PolicyStatement.names($0, request) } != principals.isNegated
            && actions.patterns.contains { Wildcard.matches(request.action, $0, ignoringCase: true) }
                != actions.isNegated
            && resources.patterns.contains { Wildcard.matches(request.resource, $0) } != resources.isNegated
            && conditions.allSatisfy { $0.holds(request.values) }
    }

    /// Whether a principal of a statement is the one who asks, or the account it belongs to.
    private static func names(_ principal: String, _ request: PolicyRequest) -> Bool {
        if principal == "*" { return true }
        if principal.hasPrefix(servicePrefix) {
            return request.service == String(principal.dropFirst(servicePrefix.count))
        }
        if isAccount(principal) { return request.principal.account == principal }
        if principal == request.principal.description { return true }
        guard let arn = ARN(principal) else { return false }
        return arn.service == "iam" && arn.resource == "root" && arn.account == request.principal.account
    }
}

/// `*` for any run of characters and `?` for one.
enum Wildcard {
    static func matches(_ text: String, _ pattern: String, ignoringCase: Bool = false) -> Bool {
        let text = Array((ignoringCase ? text.lowercased() : text).unicodeScalars)
        let pattern = Array((ignoringCase ? pattern.lowercased() : pattern).unicodeScalars)
        var index = 0
        var place = 0
        // Where to go on after the last star, should what follows it not fit.
        var retry: (index: Int, place: Int)?
        while index < text.count {
            if place < pattern.count, pattern[place] == "*" {
                retry = (index, place)
                place += 1
            } else if place < pattern.count, pattern[place] == "?" || pattern[place] == text[index] {
                index += 1
                place += 1
            } else if let last = retry {
                retry = (last.index + 1, last.place)
                index = last.index + 1
                place = last.place + 1
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == "*" }
    }
}

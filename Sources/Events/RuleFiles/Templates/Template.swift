internal import Core

/// A CloudFormation or SAM template: its sections, and the values that its functions come to.
///
/// Parameters have their defaults, pseudo parameters this system's values; resources that have no name of their own get
/// one of the stack's name and their own, where CloudFormation adds random letters. The stack is named like the file.
struct Template {
    struct Resource {
        let name: String
        let type: String
        /// An object, perhaps empty.
        let properties: Node
        let metadata: Node?
        /// Of its condition's name.
        let condition: Node?
        /// What is to become of it when it leaves the template.
        let deletionPolicy: Node?
        let position: TextPosition
    }

    /// Why a value cannot be had.
    struct Failure: Error {
        let message: String
        let position: TextPosition
        /// Whether the template is wrong, rather than out of reach for OpsBus.
        let isMistake: Bool

        static func mistake(_ message: String, at position: TextPosition) -> Failure {
            Failure(message: message, position: position, isMistake: true)
        }

        static func unsupported(_ message: String, at position: TextPosition) -> Failure {
            Failure(message: message, position: position, isMistake: false)
        }
    }

    let stack: String
    let account: Account
    /// In the order of the file.
    let resources: [Resource]
    /// Members of `Resources` that are none, such as `Fn::ForEach`.
    let strangers: [Node.Member]
    let parameters: Node?
    let mappings: Node?
    let conditions: Node?
    let memory = Memory()

    /// What has been found out, and what is being found out: a value that depends on itself is met again there.
    final class Memory {
        var conditions: [String: Bool] = [:]
        var names: [String: String] = [:]
        var open: Set<String> = []
    }

    /// Whether a file is a template.
    static func isTemplate(_ root: Node) -> Bool {
        guard let resources = root["Resources"]?.members else { return false }
        return root["AWSTemplateFormatVersion"] != nil || root["Transform"] != nil
            || resources.contains { $0.value["Type"]?.string?.contains("::") == true }
    }

    /// Whether a text may be one, which decides how its tags are read.
    static func mayBeTemplate(_ content: [UInt8]) -> Bool {
        content.firstRange(of: Array("Resources".utf8)) != nil
    }

    /// - Parameter file: Its base names the stack.
    init(_ root: Node, file: String, account: Account) {
        let base = file.split(separator: "/").last.map(String.init) ?? file
        let stem = base.firstIndex(of: ".").map { String(base[..<$0]) } ?? base
        stack = String(stem.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
        self.account = account
        parameters = root["Parameters"]
        mappings = root["Mappings"]
        conditions = root["Conditions"]
        let members = root["Resources"]?.members ?? []
        strangers = members.filter { $0.value["Type"]?.string == nil }
        resources = members.compactMap { member in
            guard let type = member.value["Type"]?.string else { return nil }
            return Resource(
                name: member.key, type: type,
                properties: member.value["Properties"] ?? Node(.object([]), at: member.value.position),
                metadata: member.value["Metadata"], condition: member.value["Condition"],
                deletionPolicy: member.value["DeletionPolicy"], position: member.keyPosition)
        }
    }

    func resource(_ name: String) -> Resource? { resources.first { $0.name == name } }

    /// Whether a resource is part of the stack.
    func isWanted(_ resource: Resource) throws(Failure) -> Bool {
        guard let condition = resource.condition else { return true }
        return try holds(condition.string ?? "", at: condition.position)
    }
}

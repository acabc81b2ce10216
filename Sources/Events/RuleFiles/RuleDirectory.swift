public import Core
internal import API
public import Platform

/// A directory of rules and of the documents they use, as kept in git.
///
/// Every `.yaml`, `.yml`, `.json` and `.template` file beneath it is read. A file with `schemaVersion` is a document,
/// named like the file without its ending; every other file holds rules, or is a template that may hold some.
public struct RuleDirectory: Sendable {
    public struct DocumentFile: Sendable, Hashable {
        public var name: String
        public var file: String
        public var content: [UInt8]
    }

    public var rules: [Rule] = []
    public var tests: [(rule: Rule, test: RuleTest)] = []
    public var documents: [DocumentFile] = []
    /// Buses, archives and schedules of templates.
    public var resources: [TemplateResource] = []
    /// What the rules give to documents.
    public var arguments: [TargetArguments] = []
    /// Sorted by file and line.
    public var problems: [RuleProblem] = []
    /// Files that are templates.
    public var templates: Set<String> = []
    /// Files that cannot be used as they are.
    public var brokenFiles: Set<String> = []

    public var isSound: Bool { brokenFiles.isEmpty }

    private static let fileBytesMax = 1 << 20
    private static let filesMax = 10_000

    /// Reads a directory.
    /// - Throws: `FileError` where the directory itself cannot be read.
    public init(_ path: String, account: Account) throws(FileError) {
        var places: [RuleCatalog.Key: RuleProblem.Place] = [:]
        var resourcePlaces: [TemplateResource.Key: RuleProblem.Place] = [:]
        for file in try RuleDirectory.files(beneath: path) {
            guard let (root, content) = read(file) else { continue }
            if root["schemaVersion"] != nil {
                let document = DocumentFile(name: RuleDirectory.documentName(file), file: file, content: content)
                if let other = documents.first(where: { $0.name == document.name }) {
                    fail("the document \(document.name) is in \(other.file) too", file, root.position)
                } else {
                    documents.append(document)
                }
                continue
            }
            if Template.isTemplate(root) { templates.insert(file) }
            let ruleFile = RuleFile(root, file: file, account: account)
            problems += ruleFile.problems
            guard ruleFile.isSound else {
                brokenFiles.insert(file)
                continue
            }
            for (index, rule) in ruleFile.rules.enumerated() {
                let place = RuleProblem.Place(file: file, position: ruleFile.positions[index])
                let key = RuleCatalog.Key(bus: rule.bus, name: rule.name)
                if let other = places[key] {
                    // Neither can be told to be right: what was loaded before stays.
                    fail("rule \(rule.name) is defined in \(other.file) too", file, place.position)
                    fail("rule \(rule.name) is defined in \(file) too", other.file, other.position)
                    continue
                }
                places[key] = place
                rules.append(rule)
                tests += ruleFile.tests[index].map { (rule, $0) }
            }
            arguments += ruleFile.arguments
            for resource in ruleFile.resources {
                let place = RuleProblem.Place(file: file, position: resource.position)
                if let other = resourcePlaces[resource.key] {
                    fail("\(resource.key) is defined in \(other.file) too", file, place.position)
                    fail("\(resource.key) is defined in \(file) too", other.file, other.position)
                    continue
                }
                resourcePlaces[resource.key] = place
                resources.append(resource)
            }
        }
        dropBrokenFiles()
        warnOfMissingDocuments()
        sortProblems()
    }

    /// Adds problems that others have found. A file with an error is used no more.
    public mutating func add(_ more: [RuleProblem]) {
        problems += more
        brokenFiles.formUnion(more.filter { $0.severity == .error }.map(\.file))
        dropBrokenFiles()
        sortProblems()
    }

    /// A file is used whole or not at all.
    private mutating func dropBrokenFiles() {
        let broken = brokenFiles
        rules.removeAll { broken.contains($0.file ?? "") }
        tests.removeAll { broken.contains($0.rule.file ?? "") }
        arguments.removeAll { broken.contains($0.file) }
        documents.removeAll { broken.contains($0.file) }
        resources.removeAll { broken.contains($0.file) }
    }

    private mutating func sortProblems() {
        problems.sort {
            ($0.file, $0.position.line, $0.position.column) < ($1.file, $1.position.line, $1.position.column)
        }
    }

    /// Topics that the rules send to; whoever loads the rules makes sure that they exist.
    public var topics: Set<String> {
        Set(rules.flatMap(\.targets).filter { $0.arn.service == "sns" }.map(\.arn.resource))
    }

    private mutating func read(_ file: String) -> (Node, [UInt8])? {
        let start = TextPosition(line: 1, column: 1)
        do {
            let content = try Files.read(file, bytesMax: RuleDirectory.fileBytesMax)
            // The tags of a template are functions; in any other file they are mistakes.
            if Template.mayBeTemplate(content) {
                let root = try Node(parsing: content, fileName: file, hasFunctions: true)
                if Template.isTemplate(root) { return (root, content) }
            }
            return (try Node(parsing: content, fileName: file), content)
        } catch let error as YAMLError {
            fail(error.message, file, error.position)
        } catch {
            fail("\(error)", file, start)
        }
        return nil
    }

    private mutating func fail(_ message: String, _ file: String, _ position: TextPosition) {
        problems.append(RuleProblem(message, file: file, at: position))
        brokenFiles.insert(file)
    }

    /// A document may also have been made by an operation, so a missing one is only a warning.
    private mutating func warnOfMissingDocuments() {
        let known = Set(documents.map(\.name)).union(brokenFiles.map(RuleDirectory.documentName))
        for target in arguments where !known.contains(target.document) && !target.document.hasPrefix("AWS-") {
            problems.append(
                RuleProblem(
                    "target \(target.target) of rule \(target.rule) uses the document \(target.document), which is "
                        + "not here; a file \(target.document).yaml would be it",
                    severity: .warning, file: target.file, at: target.position))
        }
    }

    private static func documentName(_ file: String) -> String {
        let base = file.split(separator: "/").last.map(String.init) ?? file
        return base.lastIndex(of: ".").map { String(base[..<$0]) } ?? base
    }

    /// The files that may hold rules or documents, sorted; hidden ones are passed over. A file's path means it alone.
    public static func files(beneath path: String) throws(FileError) -> [String] {
        if Files.exists(path), !Files.isDirectory(path) { return [path] }
        var found: [String] = []
        var directories = [path]
        while let directory = directories.popLast() {
            for name in try Files.names(in: directory) where !name.hasPrefix(".") {
                let file = "\(directory)/\(name)"
                if Files.isDirectory(file) {
                    directories.append(file)
                } else if [".yaml", ".yml", ".json", ".template"].contains(where: name.hasSuffix) {
                    found.append(file)
                }
                if found.count > filesMax { throw FileError("read more than \(filesMax) files of", path, errno: 0) }
            }
        }
        return found.sorted()
    }
}

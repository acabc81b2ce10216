public import Core
internal import API
public import Platform

/// A directory of rules and of the documents they use, as kept in git.
///
/// Every `.yaml`, `.yml` and `.json` file beneath it is read. A file with `schemaVersion` is a document, named like the
/// file without its ending; every other file holds rules.
public struct RuleDirectory: Sendable {
    public struct DocumentFile: Sendable, Hashable {
        public var name: String
        public var file: String
        public var content: [UInt8]
    }

    public var rules: [Rule] = []
    public var tests: [(rule: Rule, test: RuleTest)] = []
    public var documents: [DocumentFile] = []
    /// Sorted by file and line.
    public var problems: [RuleProblem] = []
    /// Files that cannot be used as they are.
    public var brokenFiles: Set<String> = []

    public var isSound: Bool { brokenFiles.isEmpty }

    private static let fileBytesMax = 1 << 20
    private static let filesMax = 10_000

    /// Reads a directory.
    /// - Throws: `FileError` where the directory itself cannot be read.
    public init(_ path: String, account: Account) throws(FileError) {
        var places: [RuleCatalog.Key: RuleProblem.Place] = [:]
        for file in try RuleDirectory.files(beneath: path) {
            guard let (root, content) = read(file) else { continue }
            if root["schemaVersion"] != nil {
                documents.append(DocumentFile(name: RuleDirectory.documentName(file), file: file, content: content))
                continue
            }
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
                    fail("rule \(rule.name) is defined in \(other.file) too", file, place.position)
                    continue
                }
                places[key] = place
                rules.append(rule)
                tests += ruleFile.tests[index].map { (rule, $0) }
            }
        }
        // A file is used whole or not at all.
        let broken = brokenFiles
        rules.removeAll { broken.contains($0.file ?? "") }
        tests.removeAll { broken.contains($0.rule.file ?? "") }
        warnOfMissingDocuments(places)
        problems.sort { ($0.file, $0.position.line) < ($1.file, $1.position.line) }
    }

    /// Topics that the rules send to; whoever loads the rules makes sure that they exist.
    public var topics: Set<String> {
        Set(rules.flatMap(\.targets).filter { $0.arn.service == "sns" }.map(\.arn.resource))
    }

    private mutating func read(_ file: String) -> (Node, [UInt8])? {
        let start = TextPosition(line: 1, column: 1)
        do {
            let content = try Files.read(file, bytesMax: RuleDirectory.fileBytesMax)
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
    private mutating func warnOfMissingDocuments(_ places: [RuleCatalog.Key: RuleProblem.Place]) {
        let known = Set(documents.map(\.name))
        for rule in rules {
            guard let place = places[RuleCatalog.Key(bus: rule.bus, name: rule.name)] else { continue }
            for target in rule.targets {
                guard let name = target.documentName, !known.contains(name), !name.hasPrefix("AWS-") else { continue }
                problems.append(
                    RuleProblem(
                        "target \(target.id) of rule \(rule.name) uses the document \(name), which is not here",
                        severity: .warning, file: place.file, at: place.position))
            }
        }
    }

    private static func documentName(_ file: String) -> String {
        let base = file.split(separator: "/").last.map(String.init) ?? file
        return base.lastIndex(of: ".").map { String(base[..<$0]) } ?? base
    }

    /// The files that may hold rules or documents, sorted. Hidden ones are passed over.
    public static func files(beneath path: String) throws(FileError) -> [String] {
        var found: [String] = []
        var directories = [path]
        while let directory = directories.popLast() {
            for name in try Files.names(in: directory) where !name.hasPrefix(".") {
                let file = "\(directory)/\(name)"
                if Files.isDirectory(file) {
                    directories.append(file)
                } else if [".yaml", ".yml", ".json"].contains(where: name.hasSuffix) {
                    found.append(file)
                }
                if found.count > filesMax { throw FileError("read more than \(filesMax) files of", path, errno: 0) }
            }
        }
        return found.sorted()
    }
}

extension Target {
    /// The document that the target runs; nil for other targets.
    var documentName: String? {
        switch try? TargetAction(self) {
        case .runCommand(let name, _), .startAutomation(let name, _): name
        default: nil
        }
    }
}

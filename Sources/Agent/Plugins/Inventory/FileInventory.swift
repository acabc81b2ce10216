internal import Core
internal import Platform

/// The files that an inventory asks for: `[{"Path": "/etc", "Pattern": ["*.conf"], "Recursive": true}]`.
/// - Source: Systems Manager user guide, "Working with file and Windows registry inventory".
struct FileInventory {
    private struct Filter {
        let path: String
        let patterns: [String]
        let isRecursive: Bool
        let directoriesMax: Int
    }

    private static let filtersMax = 10
    private static let filesMax = 500
    private static let directoriesMax = 5000
    private let filters: [Filter]

    /// - Parameter text: JSON.
    init(_ text: String) throws(StepEnd) {
        guard let list = (try? JSON(parsing: text))?.array, list.count <= Self.filtersMax else {
            throw .failure("files must be JSON text of a list of at most \(Self.filtersMax) objects")
        }
        var filters: [Filter] = []
        for filter in list {
            guard let path = filter["Path"]?.string, path.hasPrefix("/"), !path.contains("*"),
                let patterns = filter["Pattern"]?.array?.compactMap(\.string), !patterns.isEmpty
            else { throw .failure("each of files needs an absolute Path without * and a list Pattern") }
            filters.append(
                Filter(
                    path: path, patterns: patterns, isRecursive: filter["Recursive"]?.bool ?? false,
                    directoriesMax: min(filter["DirScanLimit"]?.int ?? Self.directoriesMax, Self.directoriesMax)))
        }
        self.filters = filters
    }

    /// What is there of them.
    /// - Throws: `StepEnd` where there are more than may be.
    func item(clock: any Clock) throws(StepEnd) -> InventoryItem {
        var content: [JSON] = []
        var seen: Set<String> = []
        for filter in filters {
            for path in try Self.files(filter) where seen.insert(path).inserted {
                guard let attributes = Files.attributes(of: path) else { continue }
                guard content.count < Self.filesMax else {
                    throw .failure("more than \(Self.filesMax) files fit; narrow Path and Pattern down")
                }
                content.append([
                    "Name": .string(DownloadTarget.lastPart(of: path)), "Size": .string(String(attributes.size)),
                    "ModificationTime": .string(Timestamp(seconds: attributes.modifiedSeconds).description),
                    "InstalledDir": .string(Files.parent(of: path)), "Description": "", "FileVersion": "",
                    "InstalledDate": "", "LastAccessTime": "", "ProductName": "", "ProductVersion": "",
                    "ProductLanguage": "", "CompanyName": "",
                ])
            }
        }
        return InventoryItem("AWS:File", "1.0", content, at: clock.now)
    }

    /// Regular files below the path; links are not followed.
    private static func files(_ filter: Filter) throws(StepEnd) -> [String] {
        var found: [String] = []
        var directories = [filter.path]
        var visited = 0
        while let directory = directories.popLast() {
            visited += 1
            guard visited <= filter.directoriesMax else {
                throw .failure("\(filter.path) has more than \(filter.directoriesMax) directories; narrow it down")
            }
            // A directory that is not there, or not to be read, has no files.
            for name in (try? Files.names(in: directory)) ?? [] {
                let path = (directory == "/" ? "" : directory) + "/" + name
                guard let attributes = Files.attributes(of: path) else { continue }
                if attributes.isDirectory {
                    if filter.isRecursive { directories.append(path) }
                } else if attributes.isRegular, filter.patterns.contains(where: { fits(name[...], $0[...]) }) {
                    found.append(path)
                }
            }
        }
        return found.sorted()
    }

    /// Whether a name fits a pattern with `*` for any text and `?` for any character.
    static func fits(_ name: Substring, _ pattern: Substring) -> Bool {
        // The last star, and how much of the name it stands for so far.
        var star: (pattern: Substring, name: Substring)?
        var (name, pattern) = (name, pattern)
        while true {
            if pattern.first == "*" {
                pattern.removeFirst()
                star = (pattern, name)
            } else if let character = name.first, let wanted = pattern.first, wanted == "?" || wanted == character {
                name.removeFirst()
                pattern.removeFirst()
            } else if name.isEmpty && pattern.isEmpty {
                return true
            } else {
                guard let last = star, !last.name.isEmpty else { return false }
                star = (last.pattern, last.name.dropFirst())
                (pattern, name) = (last.pattern, last.name.dropFirst())
            }
        }
    }
}

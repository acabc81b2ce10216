internal import Core
internal import Platform

/// The download of a repository, or of a path within one, by the program `git`.
struct GitDownload {
    private let repository: String
    /// What to check out; nil for the default branch.
    private let revision: Revision?
    /// What to take of the repository; nil for all of it.
    private let path: String?
    /// Whether the working tree comes as of an archive, and not as a repository to go on with.
    private let isArchive: Bool
    private let environment: [String: String]
    /// An SSH key to use; empty for none.
    private let privateKey: String?
    private let skipsHostKeyCheck: Bool
    private let context: StepContext

    private enum Revision {
        case branch(String)
        case commit(String)

        /// - Parameter text: `getOptions`: `branch:NAME`, `commitID:HASH`, or a list of such.
        init?(_ text: String?) throws(StepEnd) {
            guard let text else { return nil }
            let parts = text.split(separator: ":", maxSplits: 1).map { $0.drop { $0 == " " } }
            guard parts.count == 2, !parts[1].isEmpty, !parts[1].hasPrefix("-") else {
                throw .failure("getOptions must be branch:NAME or commitID:HASH, not \(text)")
            }
            switch parts[0] {
            case "branch": self = .branch(String(parts[1]))
            case "commitID": self = .commit(String(parts[1]))
            default: throw .failure("getOptions must be branch:NAME or commitID:HASH, not \(text)")
            }
        }
    }

    /// A path of a repository at GitHub, or at the server that `GITHUB_SERVER_URL` names.
    /// - Parameter source: `owner`, `repository`, `path`, `getOptions`, `tokenInfo`.
    init(gitHub source: PluginInputs, _ context: StepContext) throws(StepEnd) {
        let server = context.downloadEnvironment["GITHUB_SERVER_URL"] ?? "https://github.com"
        repository = "\(server)/\(try source.required("owner"))/\(try source.required("repository"))"
        revision = try Revision(try source.text("getOptions"))
        path = try source.text("path")
        isArchive = true
        let token = try source.text("tokenInfo")
        environment = token.map { GitDownload.authorization(user: "x-access-token", password: $0) } ?? [:]
        privateKey = nil
        skipsHostKeyCheck = false
        self.context = context
    }

    /// All of a repository.
    /// - Parameter source: `repository`, `getOptions`, `privateSSHKey`, `skipHostKeyChecking`, `username`, `password`.
    init(git source: PluginInputs, _ context: StepContext) throws(StepEnd) {
        repository = try source.required("repository")
        revision = try Revision(try source.text("getOptions"))
        path = nil
        isArchive = false
        let user = try source.text("username")
        let password = try source.text("password")
        environment =
            user != nil || password != nil
            ? GitDownload.authorization(user: user ?? "", password: password ?? "") : [:]
        privateKey = try source.text("privateSSHKey")
        skipsHostKeyCheck = try source.flag("skipHostKeyChecking")
        self.context = context
    }

    /// By the environment: arguments can be seen by others on the machine.
    private static func authorization(user: String, password: String) -> [String: String] {
        let encoded = Base64.encode(Array("\(user):\(password)".utf8))
        return [
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": "Authorization: Basic \(encoded)",
        ]
    }

    func run(to target: DownloadTarget) async throws(StepEnd) {
        guard !repository.hasPrefix("-") else { throw .failure("\(repository) is no repository") }
        let git = try context.require("git", for: "a download from Git")
        // Made anew: what an earlier run left is in the way.
        let clone = context.directory + "/clone"
        if Files.exists(clone) { try context.files { () throws(FileError) in try Files.remove(clone) } }
        try context.files { () throws(FileError) in try Files.createDirectory(context.directory, mode: 0o700) }
        var variables = context.agent.options.downloadEnvironment.merging(environment) { _, value in value }
        variables["GIT_TERMINAL_PROMPT"] = "0"
        let key = try writeKey(&variables)
        var arguments = ["clone", "--quiet"]
        switch revision {
        case .branch(let name): arguments += ["--depth", "1", "--branch", name]
        case nil: arguments += ["--depth", "1"]
        case .commit: break
        }
        do throws(StepEnd) {
            try await context.perform(
                context.request(git, arguments + ["--", repository, clone], environment: variables),
                "git clone of \(repository)")
            if case .commit(let hash) = revision {
                try await context.perform(
                    context.request(git, ["-C", clone, "checkout", "--quiet", hash], environment: variables),
                    "git checkout of \(hash)")
            }
        } catch {
            try removeKey(key)
            throw error
        }
        try removeKey(key)
        try await hand(clone, to: target)
    }

    /// Moves what is wanted of the clone to its place.
    private func hand(_ clone: String, to target: DownloadTarget) async throws(StepEnd) {
        if isArchive {
            try context.files { () throws(FileError) in try Files.remove(clone + "/.git") }
            // Scripts can be run as they are, as at AWS, whatever mode they were committed with.
            let chmod = try context.require("chmod", for: "a download from GitHub")
            try await context.perform(context.request(chmod, ["-R", "a+x", "--", clone]), "chmod of \(clone)")
        }
        var from = clone
        if let path {
            guard !path.split(separator: "/").contains("..") else { throw .failure("the path \(path) leads out") }
            from += "/" + path
            guard Files.exists(from) else { throw .failure("\(repository) has no \(path)") }
        }
        let place = try await target.copy(from, context)
        try context.files { () throws(FileError) in try Files.remove(clone) }
        await context.output.write("Content downloaded to \(place)")
    }

    private func writeKey(_ variables: inout [String: String]) throws(StepEnd) -> String? {
        var ssh = "ssh -o BatchMode=yes"
        if skipsHostKeyCheck { ssh += " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null" }
        defer { variables["GIT_SSH_COMMAND"] = ssh }
        guard let privateKey else { return nil }
        let path = context.directory + "/key"
        try context.files { () throws(FileError) in
            try Files.write(Array((privateKey + "\n").utf8), to: path, mode: 0o600, isDurable: false)
        }
        ssh += " -o IdentitiesOnly=yes -i " + ShellScript.quote(path)
        return path
    }

    private func removeKey(_ path: String?) throws(StepEnd) {
        if let path { try context.files { () throws(FileError) in try Files.remove(path) } }
    }
}

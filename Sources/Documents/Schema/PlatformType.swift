internal import Core

/// An operating system, by the name that `platformType` has in preconditions and in the API.
public enum PlatformType: String, Sendable, Hashable, CaseIterable {
    case windows = "Windows"
    case linux = "Linux"
    case macOS = "MacOS"

    /// The platform of that name, in any letter case.
    init?(spelled text: String) {
        guard let found = Self.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
            return nil
        }
        self = found
    }
}

extension Document {
    /// Where at least one step runs, by the steps' plugins and preconditions; for a runbook everywhere, since it runs
    /// on the server. In the order of the API.
    public var platformTypes: [PlatformType] {
        guard case .command(let steps) = body else { return PlatformType.allCases }
        let platforms = steps.reduce(into: Set<PlatformType>()) { $0.formUnion($1.platforms) }
        return PlatformType.allCases.filter(platforms.contains)
    }
}

extension CommandStep {
    /// Where the step runs, as far as that is known from its text.
    fileprivate var platforms: [PlatformType] {
        let platforms = ActionSchema.command(action)?.platforms ?? []
        let arguments = (precondition?["StringEquals"]?.array ?? []).compactMap(\.string)
        guard arguments.count == 2, let place = arguments.firstIndex(of: Precondition.platformVariable),
            let wanted = PlatformType(spelled: arguments[1 - place])
        else { return platforms }
        return platforms.filter { $0 == wanted }
    }
}

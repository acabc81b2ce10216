internal import Core
internal import Documents
internal import Platform

/// `aws:softwareInventory`: collects what is on this node.
///
/// Each type of item is kept on the node, as the body that `PutInventory` takes, until the next collection; the step's
/// output says how many items there are of each type.
/// - Source: Systems Manager user guide, "Metadata collected by inventory".
struct SoftwareInventoryPlugin: Plugin {
    private static let onlyOfWindows = ["windowsRoles", "windowsUpdates", "windowsRegistry"]
    private static let customDirectory = "/var/lib/amazon/ssm/inventory/custom"

    func run(_ inputs: JSON, in context: StepContext) async throws(StepEnd) -> CommandStepEnding {
        let inputs = PluginInputs(inputs, of: "aws:softwareInventory")
        var items: [InventoryItem] = []
        let collector = InventoryCollector(context)
        if try Self.isEnabled("applications", inputs) { items.append(try await collector.applications()) }
        if try Self.isEnabled("awsComponents", inputs) { items.append(collector.components()) }
        if try Self.isEnabled("networkConfig", inputs) { items.append(collector.networks()) }
        if try Self.isEnabled("services", inputs) { items.append(try await collector.services()) }
        if try Self.isEnabled("instanceDetailedInformation", inputs) { items.append(collector.details()) }
        if let files = try inputs.text("files") { items.append(try FileInventory(files).item(clock: context.clock)) }
        if try Self.isEnabled("customInventory", inputs) {
            let directory = try inputs.text("customInventoryDirectory") ?? Self.customDirectory
            items += try Self.custom(directory, context)
        }
        for key in Self.onlyOfWindows where try Self.isAsked(key, inputs) {
            await context.output.write("\(key) is of Windows nodes only, and was passed over")
        }
        try await keep(items, context)
        return .exited(code: 0)
    }

    private func keep(_ items: [InventoryItem], _ context: StepContext) async throws(StepEnd) {
        let directory = context.store.inventory
        try context.files { () throws(FileError) in try Files.createDirectory(directory, mode: 0o700) }
        for item in items {
            let name = PercentEncoding.encode(item.type.utf8)
            try context.files { () throws(FileError) in
                try Files.write(item.json.bytes, to: "\(directory)/\(name).json", mode: 0o600)
            }
            await context.output.write("\(item.type) \(item.content.count) items")
        }
    }

    private static func isEnabled(_ key: String, _ inputs: PluginInputs) throws(StepEnd) -> Bool {
        switch try inputs.text(key)?.lowercased() {
        case "enabled"?: return true
        case nil, "disabled"?: return false
        case let other?: throw .failure("\(key) must be Enabled or Disabled, not \(other)")
        }
    }

    private static func isAsked(_ key: String, _ inputs: PluginInputs) throws(StepEnd) -> Bool {
        guard let text = try inputs.text(key) else { return false }
        return text.lowercased() != "disabled"
    }

    /// Items that the node's owner put into files: `{"TypeName": "Custom:…", "SchemaVersion": "1.0", "Content": {…}}`.
    private static func custom(_ directory: String, _ context: StepContext) throws(StepEnd) -> [InventoryItem] {
        guard Files.isDirectory(directory) else { return [] }
        let names = try context.files { () throws(FileError) in try Files.names(in: directory) }
        var items: [InventoryItem] = []
        for name in names where name.hasSuffix(".json") {
            let bytes = try context.files { () throws(FileError) in
                try Files.read("\(directory)/\(name)", bytesMax: InventoryItem.customBytesMax)
            }
            guard let json = try? JSON(parsing: bytes), let type = json["TypeName"]?.string,
                type.hasPrefix("Custom:"), let version = json["SchemaVersion"]?.string, let content = json["Content"]
            else { throw .failure("\(directory)/\(name) needs TypeName Custom:NAME, SchemaVersion and Content") }
            items.append(
                InventoryItem(type, version, content.array ?? [content], at: context.clock.now))
        }
        return items
    }
}

/// What was found of one type.
struct InventoryItem {
    /// Of one file of the node's owner.
    static let customBytesMax = 1 << 20

    /// `AWS:Application`
    let type: String
    let schemaVersion: String
    /// Objects whose values are texts.
    let content: [JSON]
    let time: Timestamp

    init(_ type: String, _ schemaVersion: String, _ content: [JSON], at time: Timestamp) {
        self.type = type
        self.schemaVersion = schemaVersion
        self.content = content
        self.time = time
    }

    /// As `PutInventory` takes it, which compares content by its MD5.
    var json: JSON {
        [
            "TypeName": .string(type), "SchemaVersion": .string(schemaVersion),
            "CaptureTime": .string(time.secondDescription),
            "ContentHash": .string(Base64.encode(md5(JSON.array(content).bytes))), "Content": .array(content),
        ]
    }
}

extension Timestamp {
    /// `2026-02-03T04:05:06Z`
    fileprivate var secondDescription: String { String(description.prefix(19)) + "Z" }
}

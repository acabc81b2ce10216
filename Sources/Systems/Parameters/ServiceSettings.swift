internal import API
internal import Core
internal import Storage

/// The settings of the service that an account can change.
/// - Source: SSM API model, `GetServiceSetting`; user guide, "Specifying a default parameter tier".
struct ServiceSettings: Sendable {
    let database: Database
    let account: Account

    private struct Setting {
        let values: [String]
        let initial: String
    }

    private static let tierID = "/ssm/parameter-store/default-parameter-tier"
    private static let settings = [
        tierID: Setting(values: ["Standard", "Advanced", "Intelligent-Tiering"], initial: "Standard"),
        // Throughput is not limited here: kept, without effect.
        "/ssm/parameter-store/high-throughput-enabled": Setting(values: ["true", "false"], initial: "false"),
    ]

    var all: [Operation] {
        let id = Field.required("SettingId", .string(length: 1...1000))
        let output = [
            Field.optional(
                "ServiceSetting",
                .structure([
                    .optional("SettingId", .string()), .optional("SettingValue", .string()),
                    .optional("LastModifiedDate", .timestamp), .optional("LastModifiedUser", .string()),
                    .optional("ARN", .string()), .optional("Status", .string()),
                ]))
        ]
        return [
            Operation(
                "ssm:GetServiceSetting", "Show a setting of the service", .reads, resource: "SettingId", input: [id],
                output: output, handler: get),
            Operation(
                "ssm:UpdateServiceSetting", "Change a setting of the service", .writes, resource: "SettingId",
                input: [id, .required("SettingValue", .string(length: 1...4096))], handler: update),
            Operation(
                "ssm:ResetServiceSetting", "Give a setting of the service its first value again", .writes,
                resource: "SettingId", input: [id], output: output, handler: reset),
        ]
    }

    /// The tier of parameters that are made without one.
    static func defaultTier(_ transaction: borrowing some Queryable & ~Copyable) throws -> ParameterDraft.TierWish {
        let text: String? = try transaction.queryOne(
            "SELECT value FROM service_settings WHERE id = ?", tierID
        ) { try $0[0] }
        return text.flatMap(ParameterDraft.TierWish.init) ?? .standard
    }

    private func find(_ input: JSON) throws(ServiceError) -> (id: String, setting: Setting) {
        let text = input["SettingId"]?.string ?? ""
        var id = text
        if let arn = ARN(text), arn.service == "ssm", let name = arn.name(ofType: "servicesetting") { id = "/\(name)" }
        if id.hasPrefix("ssm:") { id = "/ssm/" + id.dropFirst("ssm:".count) }
        guard let setting = Self.settings[id] else {
            throw ServiceError(
                .serviceSettingNotFound,
                "There is no setting \(text) here; there are \(Self.settings.keys.sorted().joined(separator: ", ")).")
        }
        return (id, setting)
    }

    private func json(
        _ id: String, _ setting: Setting, _ transaction: borrowing some Queryable & ~Copyable
    ) throws -> JSON {
        var json: JSON = [
            "SettingId": .string(id), "SettingValue": .string(setting.initial), "Status": "Default",
            "ARN": .string(account.arn("ssm", "servicesetting\(id)").description),
        ]
        let kept: (String, Timestamp, Principal)? = try transaction.queryOne(
            "SELECT value, modified, modified_by FROM service_settings WHERE id = ?", id
        ) { (try $0[0], try $0[1], try $0[2]) }
        if let (value, modified, user) = kept {
            json["SettingValue"] = .string(value)
            json["Status"] = "Customized"
            json["LastModifiedDate"] = JSON(epoch: modified)
            json["LastModifiedUser"] = .string(account.arn(of: user).description)
        }
        return json
    }

    private func get(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (id, setting) = try find(input)
        return ["ServiceSetting": try await database.read { try json(id, setting, $0) }]
    }

    private func update(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (id, setting) = try find(input)
        let value = input["SettingValue"]?.string ?? ""
        guard setting.values.contains(value) else {
            throw ServiceError(
                .validation, "'\(value)' is no value of \(id); use \(setting.values.joined(separator: ", ")).")
        }
        try await database.write(context) { transaction in
            try transaction.execute(
                "INSERT OR REPLACE INTO service_settings (id, value, modified, modified_by) VALUES (?, ?, ?, ?)", id,
                value, transaction.now, transaction.context.principal)
            try transaction.audit(
                "UpdateServiceSetting", on: Subject(.operation, id), outcome: .success,
                detail: ["SettingValue": .string(value)])
        }
        return [:]
    }

    private func reset(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let (id, setting) = try find(input)
        return try await database.write(context) { transaction in
            try transaction.execute("DELETE FROM service_settings WHERE id = ?", id)
            try transaction.audit("ResetServiceSetting", on: Subject(.operation, id), outcome: .success)
            return ["ServiceSetting": try json(id, setting, transaction)]
        }
    }
}

internal import API
internal import Core
internal import Documents

/// `SendCommand`'s input, checked as far as that needs nothing but the input.
/// - Source: SSM API model, `SendCommandRequest`.
struct CommandRequest: Sendable {
    let documentName: String
    let documentVersion: String?
    /// SHA-256 that the document's text must have.
    let documentHash: String?
    let instanceIDs: [String]
    let targets: NodeTargets?
    let parameters: JSON
    let timeoutSeconds: Int
    let maxConcurrency: String
    let maxErrors: String
    let comment: String
    let streamsOutput: Bool
    let clientToken: String?
    /// The input itself, for comparing a repeated request with the first.
    let input: JSON

    static let nodesMax = 50

    static let fields: [Field] = [
        .required("DocumentName", DocumentShapes.name), .optional("DocumentVersion", DocumentShapes.version),
        .optional("DocumentHash", .string(length: 0...256)),
        .optional("DocumentHashType", .string(values: ["Sha256", "Sha1"])),
        .optional("InstanceIds", .list(NodeShapes.id, count: 0...nodesMax)), .optional("Targets", NodeTargets.shape),
        .optional("Parameters", .map(.list(.string()))), .optional("TimeoutSeconds", .integer(30...2_592_000)),
        .optional("MaxConcurrency", .string(length: 1...7, pattern: "^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$")),
        .optional("MaxErrors", .string(length: 1...7, pattern: "^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$")),
        .optional("Comment", .string(length: 0...100)),
        .optional("StreamOutput", .boolean), .optional("ClientToken", .string(length: 1...128)),
        .optional(
            "AlarmConfiguration",
            .structure([
                .optional("IgnorePollAlarmFailure", .boolean),
                .required(
                    "Alarms", .list(.structure([.required("Name", NodeShapes.text(1...255))]), count: 1...1)),
            ])),
    ] + OutputDestinations.fields

    /// - Parameter input: Of the shape of `fields`.
    /// - Throws: `ServiceError`.
    init(_ input: JSON) throws(ServiceError) {
        try CommandRequest.refuseUnsupported(input)
        self.input = input
        documentName = input["DocumentName"]?.string ?? ""
        documentVersion = input["DocumentVersion"]?.string
        documentHash = input["DocumentHash"]?.string
        instanceIDs = input["InstanceIds"]?.strings ?? []
        let chosen = input["Targets"] ?? []
        targets = (chosen.array ?? []).isEmpty ? nil : try NodeTargets(chosen)
        parameters = input["Parameters"] ?? [:]
        timeoutSeconds = input["TimeoutSeconds"]?.int ?? 3600
        maxConcurrency = input["MaxConcurrency"]?.string ?? "50"
        maxErrors = input["MaxErrors"]?.string ?? "0"
        comment = input["Comment"]?.string ?? ""
        streamsOutput = input["StreamOutput"]?.bool ?? false
        clientToken = input["ClientToken"]?.string
        guard instanceIDs.isEmpty != (targets == nil) else {
            throw ServiceError(.invalidParameters, "Give either InstanceIds or Targets.")
        }
        for (index, node) in instanceIDs.enumerated() where instanceIDs[..<index].contains(node) {
            throw ServiceError(.duplicateInstanceID, "\(node) is listed twice.")
        }
        guard RateControl(maxConcurrency: maxConcurrency, maxErrors: maxErrors) != nil else {
            throw ServiceError(
                .validation,
                "MaxConcurrency is 1 or more, or 1% to 100%; MaxErrors is 0 or more, or 0% to 100%; "
                    + "not '\(maxConcurrency)' and '\(maxErrors)'.")
        }
        if documentHash != nil && input["DocumentHashType"]?.string == "Sha1" {
            throw ServiceError(.unsupportedOperation, "DocumentHashType Sha1 is not supported; use Sha256.")
        }
    }

    /// What OpsBus does not do is refused by name; an empty value is what some clients always send.
    private static func refuseUnsupported(_ input: JSON) throws(ServiceError) {
        let alarms = input["AlarmConfiguration"]?["Alarms"]?.array ?? []
        guard alarms.isEmpty else {
            throw ServiceError(.unsupportedOperation, "AlarmConfiguration is not supported: there are no alarms here.")
        }
    }

    /// Checks the document against the request.
    /// - Returns: Seconds that the steps may take together.
    /// - Throws: `ServiceError` with `.invalidDocument`, `.invalidParameters`, `.maxDocumentSizeExceeded` or
    ///   `.unsupportedOperation`.
    func check(_ resolved: ResolvedDocument) throws(ServiceError) -> Int {
        let document = resolved.document
        guard document.runbook == nil else {
            throw ServiceError(
                .invalidDocument, "\(resolved.name) is an Automation runbook; use ssm:StartAutomationExecution.")
        }
        if let documentHash, documentHash.lowercased() != sha256(Array(resolved.content.utf8)) {
            throw ServiceError(
                .invalidDocument, "The hash of \(resolved.name) version \(resolved.version) is not DocumentHash.")
        }
        let size = resolved.content.utf8.count + parameterBytes
        guard size <= Limits.documentBytesMax else {
            throw ServiceError(
                .maxDocumentSizeExceeded,
                "\(resolved.name) and the values of its parameters have \(size) bytes, allowed are "
                    + "\(Limits.documentBytesMax).")
        }
        do throws(DocumentError) {
            try document.checkExecutable()
            let bound = try Parameters(binding: parameters.object ?? JSONObject(), to: document)
            return document.commandSteps.reduce(0) { $0 + CommandRequest.timeout(of: $1, bound) }
        } catch {
            throw ServiceError(
                error.code == .invalidParameters ? .invalidParameters : .unsupportedOperation,
                "\(resolved.name): \(error)")
        }
    }

    private var parameterBytes: Int {
        (parameters.object ?? JSONObject()).reduce(0) { sum, parameter in
            sum + parameter.value.strings.reduce(0) { $0 + $1.utf8.count }
        }
    }

    /// Inputs that are a list run one by one.
    private static func timeout(of step: CommandStep, _ parameters: Parameters) -> Int {
        (step.inputs.array ?? [step.inputs]).reduce(0) { sum, inputs in
            var value = inputs["timeoutSeconds"]
            if let name = value?.string.flatMap({ Template($0).single }) { value = parameters[name] }
            return sum + ScriptTimeout.seconds(value)
        }
    }
}

import Core
import Documents
import Testing

/// A document from YAML text.
func document(_ text: String) throws(DocumentError) -> Document { try Document(parsing: Array(text.utf8)) }

/// The error a document is refused with; nil where it is accepted.
func refusal(_ text: String) -> DocumentError? {
    do throws(DocumentError) {
        _ = try document(text)
        return nil
    } catch {
        return error
    }
}

/// A runbook with these steps, indented by two.
func runbookText(_ steps: String, _ head: String = "") -> String {
    "schemaVersion: '0.3'\n" + head + "mainSteps:\n" + steps
}

@Suite struct DocumentTests {
    @Test("A command document is read whole")
    func command() throws {
        let document = try document(
            """
            schemaVersion: 2.2
            description: Restarts a service
            parameters:
              service: {type: String, allowedPattern: '^[a-z]+$'}
            mainSteps:
              - name: restart
                action: aws:runShellScript
                precondition: {StringEquals: [platformType, Linux]}
                inputs:
                  timeoutSeconds: 60
                  runCommand: ["systemctl restart {{ service }}"]
            """)
        #expect(document.schema == .command22)
        #expect(document.description == "Restarts a service")
        #expect(document.parameters.map(\.name) == ["service"])
        let step = try #require(document.commandSteps.first)
        #expect(step.name == "restart" && step.action == "aws:runShellScript")
        #expect(step.inputs == ["timeoutSeconds": 60, "runCommand": ["systemctl restart {{ service }}"]])
        #expect(step.precondition == ["StringEquals": ["platformType", "Linux"]])
        #expect(document.runbook == nil)
        try document.checkExecutable()
    }

    @Test("A runbook is read whole, settings quoted or not")
    func runbook() throws {
        let document = try document(
            """
            schemaVersion: 0.3
            assumeRole: '{{ Role }}'
            parameters:
              Role: {type: 'AWS::IAM::Role::Arn', default: ''}
              Nodes: {type: 'List<AWS::EC2::Instance::Id>'}
              Tries: {type: Integer, default: 2}
            variables:
              seen: {type: Boolean, default: false}
            outputs: [look.State, '{{ look.Names }}']
            mainSteps:
              - name: look
                action: aws:executeAwsApi
                description: 'Looks for {{ anything }}'
                maxAttempts: '{{ Tries }}'
                timeoutSeconds: "900"
                onFailure: step:mend
                onCancel: step:mend
                isCritical: 'false'
                nextStep: mend
                inputs: {Service: ssm, Api: DescribeInstanceInformation}
                outputs:
                  - {Name: State, Selector: $.State, Type: String}
                  - {Name: Names, Selector: $..Name}
              - name: mend
                action: aws:executeScript
                isEnd: True
                inputs: {Runtime: python3.11, Handler: f, Script: "def f(e, c): return e"}
            """)
        let runbook = try #require(document.runbook)
        #expect(document.schema == .runbook)
        #expect(document.parameters.map(\.type) == [.string, .stringList, .integer])
        #expect(runbook.assumeRole == "{{ Role }}")
        #expect(runbook.variables.map(\.name) == ["seen"])
        #expect(runbook.outputs == ["look.State", "look.Names"])
        let step = runbook.steps[0]
        #expect(step.maxAttempts == .reference("{{ Tries }}"))
        #expect(step.timeoutSeconds == .value(900))
        #expect(step.onFailure == .step("mend") && step.onCancel == "mend" && step.nextStep == "mend")
        #expect(step.isCritical == .value(false) && step.isEnd == .value(false))
        #expect(step.outputs.map(\.type) == [.string, nil])
        #expect(runbook.steps[1].isEnd == .value(true) && runbook.steps[1].maxAttempts == .value(1))
        try document.checkExecutable()
    }

    @Test("JSON is read as well, and an old plugin is one step with all the elements of its list")
    func schema12() throws {
        let document = try document(
            #"""
            {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [
                {"id": "0.aws:runShellScript", "runCommand": "{{ commands }}"}, {"runCommand": ["true"]}]}},
             "parameters": {"commands": {"type": "StringList"}}}
            """#)
        #expect(document.schema == .command12)
        #expect(document.commandSteps.map(\.name) == ["aws:runShellScript"])
        #expect(document.commandSteps[0].inputs.array?.count == 2)
        try document.checkExecutable()
    }

    @Test("A text over the size limit is refused before it is read")
    func tooLarge() {
        let error = refusal("schemaVersion: '2.2'\n#" + String(repeating: "x", count: Limits.documentBytesMax))
        #expect(error?.code == .syntax)
    }

    static let head = "schemaVersion: '2.2'\nmainSteps:\n"
    static let step = "- {name: a, action: 'aws:runShellScript', inputs: {runCommand: [b]}}\n"

    @Test(
        "A mistake in any document is refused with its place",
        arguments: [
            ("[1]", .content, "a document must be a map", 1),
            ("a: [", .syntax, "flow", 2),
            ("mainSteps: []", .content, "needs \"schemaVersion\"", 1),
            ("schemaVersion: '9.9'\n", .schemaVersion, "\"9.9\" is unknown", 1),
            ("schemaVersion: '1.0'\nsessionType: Port\n", .schemaVersion, "\"1.0\" is unknown", 1),
            ("schemaVersion: '2.2'\n", .content, "needs \"mainSteps\"", 1),
            ("schemaVersion: '2.2'\nmainSteps: []", .content, "must not be empty", 2),
            (head + "- 5", .content, "step 1 must be a map", 3),
            (head + "- {action: 'aws:runShellScript'}", .content, "step 1 needs \"name\"", 3),
            (head + step + step, .content, "two steps are named \"a\"", 4),
            (head + "- {name: a, action: 'aws:fly'}", .unknownAction, "step 1 uses \"aws:fly\"", 3),
            (head + "- {name: a, action: 'aws:runShellScript'}", .content, "input \"runCommand\"", 3),
            (head + "- {name: a, action: 'aws:runShellScript', inputs: [1]}", .content, "inputs must be a map", 3),
            ("schemaVersion: '1.2'\nruntimeConfig: {'aws:fly': {properties: []}}", .unknownAction, "aws:fly", 2),
            (head + step + "parameters: [a]", .content, "parameters must be a map", 4),
            (head + step + "parameters: {a: {}}", .content, "\"a\" needs \"type\"", 4),
            (head + step + "parameters: {a: {type: Text}}", .content, "String, StringList", 4),
            (head + step + "parameters: {a_b: {type: String}}", .content, "letters and digits", 4),
            (head + step + "parameters: {a: {type: 'AWS::EC2::Instance::Id'}}", .content, "String, StringList", 4),
            (head + step + "parameters: {a: {type: Integer, default: '5'}}", .content, "Integer without quotes", 4),
            (head + step + "parameters: {a: {type: Integer, default: 5.5}}", .content, "a Integer", 4),
            (head + step + "parameters: {a: {type: Boolean, default: 'true'}}", .content, "without quotes", 4),
            (head + step + "parameters: {a: {type: StringMap, default: [1]}}", .content, "a StringMap", 4),
            (head + step + "parameters: {a: {type: String, allowedPattern: '('}}", .content, "does not compile", 4),
            (head + step + "parameters: {a: {type: String, minChars: 5, maxChars: 4}}", .content, "above its", 4),
            (
                head + step + "parameters: {a: {type: String, default: '{{ b }}'}, b: {type: String}}", .content,
                "refers to the parameter \"b\"", 4
            ),
            (head + step + "parameters: {a: {type: StringList, interpolationType: ENV_VAR}}", .content, "ENV_VAR", 4),
            (head + step + "parameters: {a: {type: String, interpolationType: env_var}}", .content, "be ENV_VAR", 4),
        ] as [(String, DocumentError.Code, String, Int)])
    func mistakes(text: String, code: DocumentError.Code, message: String, line: Int) throws {
        let error = try #require(refusal(text))
        #expect(error.code == code, "\(error)")
        #expect(error.message.contains(message), "\(error)")
        #expect(error.position?.line == line, "\(error)")
    }

    static let api = "action: 'aws:executeAwsApi', inputs: {Service: s, Api: A}"
    static let sleep = "action: 'aws:sleep', inputs: {Duration: PT1S}"

    @Test(
        "A mistake in a runbook is refused with its place",
        arguments: [
            ("- {name: a-b, action: 'aws:sleep', inputs: {Duration: PT1S}}", .content, "letters, digits and '_'"),
            ("- {name: a, action: 'aws:fly'}", .unknownAction, "step \"a\" uses \"aws:fly\""),
            ("- {name: a, action: 'aws:sleep'}", .content, "\"Duration\" or \"Timestamp\""),
            (
                "- {name: a, \(sleep), onFailure: Retry}", .content,
                "Abort, Continue or step"
            ),
            ("- {name: a, \(sleep), onFailure: step:b}", .content, "no such step"),
            (
                "- {name: a, \(sleep), onCancel: step:a}", .content,
                "cannot follow a cancel"
            ),
            ("- {name: a, \(sleep), nextStep: b}", .content, "leads to \"b\""),
            ("- {name: a, \(sleep), nextStep: a}", .content, "a -> a"),
            ("- {name: a, \(sleep), maxAttempts: many}", .content, "an integer"),
            ("- {name: a, \(sleep), isEnd: maybe}", .content, "true or false"),
            (
                "- {name: a, action: 'aws:sleep', inputs: {Duration: '{{ x }}'}}", .content,
                "{{ x }} is no declared parameter"
            ),
            ("- {name: a, action: 'aws:sleep', inputs: {Duration: '{{ b.c }}'}}", .content, "names no step"),
            ("- {name: a, action: 'aws:sleep', inputs: {Duration: '{{ a.c }}'}}", .content, "has no output \"c\""),
            ("- {name: a, action: 'aws:sleep', inputs: {Duration: '{{ global:x }}'}}", .content, "global:DATE"),
            (
                "- {name: a, action: 'aws:sleep', inputs: {Duration: '{{ variable:x }}'}}", .content,
                "no declared variable"
            ),
            (
                "- {name: a, action: 'aws:sleep', inputs: {Duration: 'x{{ssm:y}}'}}", .content,
                "default of a parameter only"
            ),
            ("- {name: a, action: 'aws:branch', inputs: {Choices: []}}", .content, "must not be empty"),
            (
                "- {name: a, action: 'aws:branch', inputs: {Choices: [{NextStep: b, Variable: 1, StringEquals: x}]}}",
                .content, "no such step"
            ),
            (
                "- {name: a, action: 'aws:branch', inputs: {Choices: [{NextStep: a, Variable: 1, Equals: x}]}}",
                .content, "exactly one of StringEquals"
            ),
            (
                "- {name: a, action: 'aws:branch', inputs: {Choices: [{NextStep: a, Not: {}, And: {}}]}}", .content,
                "exactly one condition, not several: Not, And"
            ),
            (
                "- {name: a, action: 'aws:branch', inputs: {Choices: [{NextStep: a, Or: []}]}}", .content,
                "Or of a choice of step \"a\" must not be empty"
            ),
            (
                "- {name: a, action: 'aws:branch', inputs: {Choices: [{NextStep: a, Variable: 1, NumericEquals: 1}]}}",
                .content, "a -> a"
            ),
            (
                "- {name: a, \(api), outputs: [{Name: x, Selector: y}]}",
                .content, "the selector of an output of step \"a\""
            ),
            (
                "- {name: a, \(api), outputs: [{Name: x, Selector: $, Type: Text}]}",
                .content, "String, StringList"
            ),
        ] as [(String, DocumentError.Code, String)])
    func runbookMistakes(steps: String, code: DocumentError.Code, message: String) throws {
        let error = try #require(refusal(runbookText(steps)))
        #expect(error.code == code, "\(error)")
        #expect(error.message.contains(message), "\(error)")
        #expect(error.position?.line == 3, "\(error)")
    }

    @Test("A loop through failures and branches is listed, a route after a cancel is none")
    func cycles() {
        let choice = "Choices: [{NextStep: b, Variable: x, StringEquals: x}], Default: c"
        let loop = """
              - {name: a, \(Self.sleep)}
              - {name: b, \(Self.sleep), onFailure: step:d, isEnd: true}
              - {name: c, \(Self.sleep), isEnd: true}
              - {name: d, action: 'aws:branch', inputs: {\(choice)}}
            """
        #expect(refusal(runbookText(loop))?.message.contains("b -> d -> b") == true)
        let script = "action: 'aws:executeScript', inputs: {Runtime: bash, Script: 'true'}"
        let cancel = "  - {name: undo, \(script)}\n  - {name: do, \(script), onCancel: step:undo}\n"
        #expect(refusal(runbookText(cancel)) == nil)
    }

    @Test("Everything that cannot run yet is listed with its place")
    func unsupported() throws {
        let text = """
            schemaVersion: '0.3'
            parameters:
              secret: {type: String, default: '{{ ssm-secure:/a/b }}'}
            mainSteps:
              - {name: ask, action: 'aws:approve', inputs: {Approvers: [a]}}
              - {name: shell, action: 'aws:executeScript', inputs: {Runtime: PowerShell Core 7.4, Script: x}}
            """
        let parts = try document(text).unsupportedParts.map(\.description)
        let runs =
            "aws:assertAwsResourceProperty, aws:branch, aws:executeAwsApi, aws:executeScript, aws:runCommand, aws:sleep"
        #expect(
            parts == [
                "step \"ask\" uses aws:approve, which OpsBus cannot run yet; it runs: \(runs) at line 5, column 5",
                "step \"shell\" needs the runtime PowerShell Core 7.4, which OpsBus lacks; it has: python3, bash"
                    + " at line 6, column 66",
                "{{ ssm-secure:/a/b }} may stand in the sourceInfo of aws:downloadContent alone at line 3, column 3",
            ])
        let error = #expect(throws: DocumentError.self) { try document(text).checkExecutable() }
        #expect(error?.code == .unsupported)
        #expect(error?.message == parts.joined(separator: "; "))
    }

    @Test("Any cut or changed document is read or refused, never more", arguments: [7, 8])
    func mutations(seed: UInt64) throws {
        let texts = try Corpus.entries.prefix(12).map { try $0.bytes }
        var state = seed
        for _ in 0..<400 {
            func random(_ bound: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % bound
            }
            var text = texts[random(texts.count)]
            for _ in 0..<3 { text[random(text.count)] = UInt8(truncatingIfNeeded: random(128)) }
            if random(3) == 0 { text.removeSubrange(random(text.count)...) }
            _ = try? Document(parsing: text)
        }
    }
}

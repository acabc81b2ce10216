import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Systems

/// Parameter Store over a database of the test's own.
private struct Fixture {
    let clock = TestClock()
    let database: Database
    let operations: [Operation]
    let upkeep: ParameterUpkeep
    let scratch: TemporaryDirectory
    let account = Account()

    init(_ authorizer: any Authorizer = OpenAuthorizer()) async throws {
        scratch = try TemporaryDirectory()
        database = try Database(
            path: Database.inMemory, migrations: ParameterStore.migrations, clock: clock, log: quiet)
        let secrets = ParameterSecrets(vault: try Vault(file: scratch.path + "/vault.key"), account: account)
        let reader = ParameterReader(database: database, secrets: secrets, authorizer: authorizer)
        operations =
            ParameterOperations(reader: reader, account: account).all
            + ServiceSettings(database: database, account: account).all
            + TagOperations(database: database, tables: [.parameters]).all
        upkeep = ParameterUpkeep(database: database, account: account)
    }

    @discardableResult
    func call(_ name: String, _ input: JSON, as principal: Principal = .local) async throws -> JSON {
        try await operations.call("ssm:\(name)", input, OperationContext(principal: principal))
    }

    @discardableResult
    func put(_ name: String, _ value: String, _ more: JSON = [:]) async throws -> JSON {
        var input: JSON = ["Name": .string(name), "Value": .string(value)]
        for member in more.object?.members ?? [] { input[member.key] = member.value }
        if input["Type"] == nil, input["Overwrite"] == nil { input["Type"] = "String" }
        return try await call("PutParameter", input)
    }

    func value(_ name: String) async throws -> String? {
        try await call("GetParameter", ["Name": .string(name), "WithDecryption": true])["Parameter"]?["Value"]?.string
    }

    func code(_ body: () async throws -> Void) async -> ErrorCode? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? ServiceError)?.code
        }
    }

    /// Names of a page, and where the next begins.
    func names(_ operation: String, _ input: JSON) async throws -> [String] {
        try await call(operation, input)["Parameters"]?.array?.compactMap { $0["Name"]?.string } ?? []
    }

    /// Details of the events put into the outbox, by type.
    func events(_ detailType: String) async throws -> [JSON] {
        try await Outbox(database).pending(limit: 1000).compactMap { row in
            guard let entry = row.body.withUnsafeBytes({ StreamEntry($0) }) else { return nil }
            let event = try JSON(parsing: entry.payload)
            return event["detail-type"]?.string == detailType ? event["detail"] : nil
        }
    }
}

@Suite struct ParameterTests {
    @Test(
        "A name is one word or a path, and is refused for what is wrong with it",
        arguments: [
            ("db", nil), ("/a/b-c_d.E/9", nil), (" /trimmed ", nil), ("a/b", .validation), ("/a//b", .validation),
            ("/a/", .validation), ("a b", .validation), ("", .validation), ("é", .validation),
            ("awsX", .validation), ("SSM-x", .validation), ("/ssm/x", .validation), ("/AWS/x", .accessDenied),
            ("/aws", .validation), ("/x/aws/y", nil), ("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15", nil),
            ("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", .hierarchyLevelLimitExceeded),
            ("/" + String(repeating: "x", count: 964), nil), ("/" + String(repeating: "x", count: 970), .validation),
        ] as [(String, ErrorCode?)])
    func names(text: String, code: ErrorCode?) {
        var found: ErrorCode?
        do throws(ServiceError) { _ = try ParameterName(new: text, in: Account()) } catch { found = error.code }
        #expect(found == code)
    }

    @Test(
        "A selection is a name or an ARN, perhaps with a version or a label",
        arguments: [
            ("db", "/db", "", "db"), ("/a/b:3", "/a/b", ":3", "/a/b"), ("db:prod.1", "/db", ":prod.1", "db"),
            ("arn:aws:ssm:us-east-1:123456789012:parameter/a/b:2", "/a/b", ":2", "/a/b"),
            ("arn:aws:ssm:us-east-1:123456789012:parameter/db", "/db", "", "/db"),
            ("db:99999999999999999999", "/db", ":99999999999999999999", "db"),
        ])
    func selections(text: String, key: String, selector: String, name: String) {
        let selection = ParameterSelection(text)
        #expect(selection.key == key && selection.selector == selector && selection.name == name)
    }

    @Test("A word and the path of it are one parameter, which keeps its first spelling")
    func equivalence() async throws {
        let store = try await Fixture()
        try await store.put("db", "1")
        #expect(await store.code { try await store.put("/db", "2") } == .parameterAlreadyExists)
        try await store.put("/db", "2", ["Overwrite": true])
        let found = try await store.call("GetParameter", ["Name": "/db"])["Parameter"]
        #expect(found?["Name"] == "db" && found?["Value"] == "2" && found?["Version"] == 2)
        #expect(found?["ARN"] == "arn:aws:ssm:us-east-1:123456789012:parameter/db")
    }

    @Test("What a new version does not say it has from the one before; its type it must keep")
    func overwriting() async throws {
        let store = try await Fixture()
        try await store.put("n", "1", ["Description": "d", "AllowedPattern": "[0-9]+", "Tier": "Advanced"])
        #expect(await store.code { try await store.put("n", "x", ["Overwrite": true]) } == .parameterPatternMismatch)
        #expect(
            await store.code { try await store.put("n", "2", ["Overwrite": true, "Type": "StringList"]) }
                == .hierarchyTypeMismatch)
        #expect(
            await store.code { try await store.put("n", "2", ["Overwrite": true, "Tier": "Standard"]) } == .validation)
        #expect(try await store.put("n", "1", ["Overwrite": true]) == ["Version": 2, "Tier": "Advanced"])
        let described = try await store.call("DescribeParameters", [:])["Parameters"]?.array?.first
        #expect(described?["Description"] == "d" && described?["AllowedPattern"] == "[0-9]+")
        #expect(described?["LastModifiedUser"] == "arn:aws:iam::123456789012:root" && described?["Value"] == nil)
    }

    @Test(
        "A value is refused for what is wrong with it",
        arguments: [
            ("", [:], .validation), ("{{x}}", [:], .validation),
            (String(repeating: "x", count: 4097), [:], .validation),
            (String(repeating: "x", count: 8193), ["Tier": "Advanced"], .validation),
            ("x", ["AllowedPattern": "("], .invalidAllowedPattern),
            ("ax", ["AllowedPattern": "a"], .parameterPatternMismatch),
            ("x", ["KeyId": "alias/aws/ssm"], .validation),
            ("x", ["Type": "SecureString", "KeyId": "alias/other"], .invalidKeyID),
            ("x", ["DataType": "Text"], .validation), ("x", ["DataType": "integer"], .validation),
            ("{}", ["DataType": "json"], .validation), ("x", ["DataType": "aws:ssm:integration"], .validation),
        ] as [(String, JSON, ErrorCode)])
    func values(value: String, more: JSON, code: ErrorCode) async throws {
        let store = try await Fixture()
        #expect(await store.code { try await store.put("p", value, more) } == code)
        #expect(await store.code { _ = try await store.value("p") } == .parameterNotFound)
    }

    @Test(
        "A data type says what its values are",
        arguments: [
            ("integer", "-12", "1.5"), ("float", "1e3", "x"), ("boolean", "true", "yes"), ("email", "a@b.c", "a@"),
            ("ipv4-address", "10.0.0.1", "10.0.0.256"), ("ipv6-address", "::1", "1::2::3"),
            ("hostname", "a-b.example", "-a"), ("url", "https://x/y", "x"), ("json", "[1]", "[1"),
            ("jsonc", "{/* \" */ \"a\": \"//\" // b\n}", "{/*"), ("binary", "YWI=", "*"),
            ("aws:region", "eu-west-1", "eu"),
            ("aws:account:id", "123456789012", "12"), ("text", "anything", ""),
        ])
    func dataTypes(name: String, good: String, bad: String) throws {
        let type = try ParameterDataType(checking: name)
        try type.check(good, of: .string)
        guard !bad.isEmpty else { return }
        #expect(throws: ServiceError.self) { try type.check(bad, of: .string) }
    }

    @Test("An image is checked after the call: the event says what is wrong")
    func images() async throws {
        let store = try await Fixture()
        try await store.put("good", "ami-0abc", ["DataType": "aws:ec2:image"])
        try await store.put("bad", "nginx", ["DataType": "aws:ec2:image"])
        let told = try await store.events("Parameter Store Change")
        #expect(told.map { $0["dataType"] } == ["aws:ec2:image", "aws:ec2:image"])
        #expect(told.map { $0["exception"] == nil } == [true, false])
    }

    @Test("The tier follows what is asked, what the parameter needs and the service's setting")
    func tiers() async throws {
        let store = try await Fixture()
        let long = String(repeating: "x", count: 5000)
        #expect(try await store.put("a", long, ["Tier": "Intelligent-Tiering"])["Tier"] == "Advanced")
        #expect(try await store.put("b", "x", ["Tier": "Intelligent-Tiering"])["Tier"] == "Standard")
        let id: JSON = "/ssm/parameter-store/default-parameter-tier"
        try await store.call("UpdateServiceSetting", ["SettingId": id, "SettingValue": "Intelligent-Tiering"])
        #expect(try await store.put("b", long, ["Overwrite": true])["Tier"] == "Advanced")
        #expect(try await store.put("b", "x", ["Overwrite": true])["Tier"] == "Advanced")
        let setting = try await store.call("ResetServiceSetting", ["SettingId": id])["ServiceSetting"]
        #expect(setting?["SettingValue"] == "Standard" && setting?["Status"] == "Default")
        #expect(await store.code { try await store.put("c", long) } == .validation)
        let code = await store.code { try await store.call("GetServiceSetting", ["SettingId": "x"]) }
        #expect(code == .serviceSettingNotFound)
    }

    // MARK: Versions and labels

    @Test("A version or label that is not there is an error, and never the latest version")
    func versions() async throws {
        let store = try await Fixture()
        try await store.put("p", "1")
        try await store.put("p", "2", ["Overwrite": true])
        try await store.call("LabelParameterVersion", ["Name": "p", "ParameterVersion": 1, "Labels": ["old"]])
        #expect(try await store.value("p") == "2")
        #expect(try await store.value("p:old") == "1")
        #expect(await store.code { _ = try await store.value("p:3") } == .parameterVersionNotFound)
        #expect(await store.code { _ = try await store.value("p:new") } == .parameterVersionNotFound)
        let several = try await store.call("GetParameters", ["Names": ["p:old", "p:9", "q", "p:old"]])
        #expect(several["Parameters"]?.array?.count == 1 && several["InvalidParameters"] == ["p:9", "q"])
    }

    @Test("A hundred versions are kept; the oldest goes, unless a label holds it")
    func versionLimit() async throws {
        let store = try await Fixture()
        try await store.put("p", "1")
        for number in 2...101 { try await store.put("p", String(number), ["Overwrite": true]) }
        let history = try await store.call("GetParameterHistory", ["Name": "p", "MaxResults": 50])
        #expect(history["Parameters"]?.array?.first?["Version"] == 2)
        try await store.call("LabelParameterVersion", ["Name": "p", "ParameterVersion": 2, "Labels": ["held"]])
        let code = await store.code { try await store.put("p", "x", ["Overwrite": true]) }
        #expect(code == .parameterMaxVersionLimitExceeded)
        #expect(try await store.value("p") == "101")
    }

    @Test("A label moves to the version that gets it; ten are allowed, and invalid ones are named")
    func labels() async throws {
        let store = try await Fixture()
        try await store.put("p", "1")
        try await store.put("p", "2", ["Overwrite": true])
        let given = try await store.call(
            "LabelParameterVersion", ["Name": "p", "ParameterVersion": 1, "Labels": ["a", "1b", "awsX", "c d"]])
        #expect(given == ["InvalidLabels": ["1b", "awsX", "c d"], "ParameterVersion": 1])
        try await store.call("LabelParameterVersion", ["Name": "p", "Labels": ["a"]])
        let history = try await store.call("GetParameterHistory", ["Name": "p"])["Parameters"]?.array ?? []
        #expect(history.map { $0["Labels"] ?? .null } == [[], ["a"]])
        let ten = (0..<10).map { JSON.string("l\($0)") }
        #expect(
            await store.code { try await store.call("LabelParameterVersion", ["Name": "p", "Labels": .array(ten)]) }
                == .parameterVersionLabelLimitExceeded)
        let taken = try await store.call(
            "UnlabelParameterVersion", ["Name": "p", "ParameterVersion": 2, "Labels": ["a", "z"]])
        #expect(taken == ["RemovedLabels": ["a"], "InvalidLabels": ["z"]])
        let told = try await store.events("Parameter Store Change").compactMap { $0["operation"]?.string }
        #expect(told == ["Create", "Update", "LabelParameterVersion", "LabelParameterVersion"])
    }

    // MARK: Reading

    @Test("A path holds what is right below it, or all below it, level by level and page by page")
    func paths() async throws {
        let store = try await Fixture()
        for name in ["/a", "/a/b", "/a/b/c", "/ab/x", "root"] { try await store.put(name, "v") }
        #expect(try await store.names("GetParametersByPath", ["Path": "/a"]) == ["/a/b"])
        #expect(try await store.names("GetParametersByPath", ["Path": "/a/", "Recursive": true]) == ["/a/b", "/a/b/c"])
        #expect(try await store.names("GetParametersByPath", ["Path": "/"]) == ["/a", "root"])
        var input: JSON = ["Path": "/", "Recursive": true, "MaxResults": 2]
        var all: [String] = []
        repeat {
            let page = try await store.call("GetParametersByPath", input)
            all += page["Parameters"]?.array?.compactMap { $0["Name"]?.string } ?? []
            input["NextToken"] = page["NextToken"]
        } while input["NextToken"] != nil
        #expect(all == ["/a", "/a/b", "/a/b/c", "/ab/x", "root"])
        #expect(await store.code { try await store.call("GetParametersByPath", ["Path": "a"]) } == .validation)
    }

    @Test(
        "Filters choose among the parameters",
        arguments: [
            ([["Key": "Name", "Values": ["db", "/web/b"]]], ["db", "/web/b"]),
            ([["Key": "Name", "Option": "BeginsWith", "Values": ["/web"]]], ["/web/a", "/web/b"]),
            ([["Key": "Name", "Option": "Contains", "Values": ["b/", "/b"]]], ["/web/a", "/web/b"]),
            ([["Key": "Type", "Values": ["SecureString"]]], ["db"]),
            ([["Key": "KeyId", "Values": ["alias/aws/ssm"]]], ["db"]),
            ([["Key": "Path", "Values": ["/web"]], ["Key": "Type", "Values": ["StringList"]]], ["/web/b"]),
            ([["Key": "tag:env", "Values": ["prod"]]], ["/web/a"]), ([["Key": "tag:env"]], ["/web/a"]),
        ] as [(JSON, [String])])
    func filters(filters: JSON, expected: [String]) async throws {
        let store = try await Fixture()
        try await store.put("/web/a", "1", ["Tags": [["Key": "env", "Value": "prod"]]])
        try await store.put("/web/b", "1", ["Type": "StringList"])
        try await store.put("db", "1", ["Type": "SecureString"])
        #expect(try await store.names("DescribeParameters", ["ParameterFilters": filters]) == expected)
    }

    @Test(
        "A filter that makes no sense is refused by name",
        arguments: [
            ([["Key": "Label", "Values": ["x"]]], .invalidFilterKey),
            ([["Key": "Type", "Values": ["Text"]]], .invalidFilterOption),
            ([["Key": "Type", "Option": "Contains", "Values": ["String"]]], .invalidFilterOption),
            ([["Key": "Name"]], .invalidFilterValue),
            ([["Key": "Path", "Values": ["web"]]], .validation), ([["Key": "Path", "Values": ["/aws"]]], .validation),
            ([["Key": "Name", "Values": ["a"]], ["Key": "Name", "Values": ["b"]]], .invalidFilterKey),
        ] as [(JSON, ErrorCode)])
    func filterRefusals(filters: JSON, code: ErrorCode) async throws {
        let store = try await Fixture()
        #expect(await store.code { try await store.call("DescribeParameters", ["ParameterFilters": filters]) } == code)
    }

    @Test("Tags are those of the parameter, and go with it")
    func tags() async throws {
        let store = try await Fixture()
        try await store.put("/a/b", "1")
        let resource: JSON = ["ResourceType": "Parameter", "ResourceId": "/a/b"]
        var tagged = resource
        tagged["Tags"] = [["Key": "k", "Value": "v"]]
        try await store.call("AddTagsToResource", tagged)
        #expect(try await store.call("ListTagsForResource", resource) == ["TagList": [["Key": "k", "Value": "v"]]])
        try await store.call("DeleteParameter", ["Name": "/a/b"])
        try await store.put("/a/b", "1")
        #expect(try await store.call("ListTagsForResource", resource) == ["TagList": []])
        #expect(
            await store.code {
                try await store.call("ListTagsForResource", ["ResourceType": "Parameter", "ResourceId": "no"])
            } == .invalidResourceID)
    }

    // MARK: Secrets

    @Test("A SecureString is sealed for its name, and opened only for who may decrypt")
    func secrets() async throws {
        let store = try await Fixture(OpenAuthorizer(refusing: ["eve kms:Decrypt", "eve kms:Encrypt"]))
        try await store.put("s", "secret text", ["Type": "SecureString"])
        let eve = Principal("eve")
        let sealed = try await store.call("GetParameter", ["Name": "s"], as: eve)["Parameter"]?["Value"]?.string ?? ""
        #expect(!sealed.isEmpty && !sealed.contains("secret"))
        #expect(try await store.value("s") == "secret text")
        for (operation, input) in [
            ("GetParameter", ["Name": "s", "WithDecryption": true]),
            ("GetParameters", ["Names": ["s"], "WithDecryption": true]),
            ("GetParametersByPath", ["Path": "/", "WithDecryption": true]),
            ("GetParameterHistory", ["Name": "s", "WithDecryption": true]),
            ("PutParameter", ["Name": "t", "Value": "x", "Type": "SecureString"]),
        ] as [(String, JSON)] {
            #expect(await store.code { try await store.call(operation, input, as: eve) } == .accessDenied)
        }
        // Moved to another name, it opens no more.
        try await store.put("other", "x", ["Type": "SecureString"])
        _ = try await store.database.maintain { transaction in
            try transaction.execute(
                """
                UPDATE parameter_versions SET sealed =
                    (SELECT sealed FROM parameter_versions WHERE key = '/s') WHERE key = '/other'
                """)
        }
        await #expect(throws: StorageError.self) { try await store.value("other") }
    }

    // MARK: Policies

    @Test(
        "Policies are refused for what is wrong with them",
        arguments: [
            ("{", .validation), (#"[{"Type":"Other","Version":"1.0"}]"#, .invalidPolicyType),
            (#"[{"Type":"Expiration","Version":"1.0","Attributes":{}}]"#, .invalidPolicyAttribute),
            (
                #"[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2001-01-01T00:00:00Z"}}]"#,
                .invalidPolicyAttribute
            ),
            (
                #"[{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"1","Unit":"Days"}}]"#,
                .incompatiblePolicy
            ),
            (
                #"[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":20,"Unit":"Days"}}]"#,
                .invalidPolicyAttribute
            ),
        ] as [(String, ErrorCode)])
    func policyRefusals(text: String, code: ErrorCode) {
        var found: ErrorCode?
        do throws(ServiceError) { _ = try ParameterPolicies(text, now: TestClock().now) } catch { found = error.code }
        #expect(found == code)
    }

    @Test("A parameter is told of before it expires, and gone when it has")
    func expiration() async throws {
        let store = try await Fixture()
        let end = store.clock.now + .seconds(10 * 86_400)
        let policies = """
            [{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"\(end)"}},
             {"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"2","Unit":"Days"}},
             {"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"24","Unit":"Hours"}}]
            """
        try await store.put("p", "1", ["Tier": "Advanced", "Policies": .string(policies)])
        func told() async throws -> [String] {
            try await store.upkeep.run()
            return try await store.events("Parameter Store Policy Action").compactMap { $0["policy-type"]?.string }
        }
        #expect(try await told() == [])
        store.clock.advance(.seconds(86_400))
        #expect(try await told() == ["NoChangeNotification"])
        #expect(try await told() == ["NoChangeNotification"])
        // A change begins the wait anew, and does not move the end.
        try await store.put("p", "2", ["Overwrite": true])
        store.clock.advance(.seconds(86_400))
        #expect(try await told().count == 2)
        store.clock.advance(.seconds(6 * 86_400))
        #expect(try await told().last == "ExpirationNotification")
        #expect(try await store.value("p") == "2")
        store.clock.advance(.seconds(2 * 86_400))
        #expect(try await told().last == "Expiration")
        #expect(await store.code { _ = try await store.value("p") } == .parameterNotFound)
        #expect(try await store.events("Parameter Store Change").last?["operation"] == "Delete")
        let count = try await told().count
        #expect(try await told().count == count)
    }
}

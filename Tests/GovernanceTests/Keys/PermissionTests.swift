import Core
import Testing

@testable import Governance

@Suite("Permissions") struct PermissionTests {
    @Test(
        "A star stands for any text, in actions and resources; all else is itself",
        arguments: [
            ("*", "ssm:SendCommand", "*", true),
            ("events:PutEvents", "events:PutEvents", "*", true),
            ("events:PutEvents", "events:PutEventsX", "*", false),
            ("events:PutEvents", "events:PutEvent", "*", false),
            ("events:PutEvents", "events:putevents", "*", false),
            ("events:*", "events:DeleteRule", "*", true),
            ("events:*", "eventsx:DeleteRule", "*", false),
            ("events:Put*", "events:PutRule", "*", true),
            ("events:Put*", "events:RePutRule", "*", false),
            ("*:Put*s", "events:PutTargets", "*", true),
            ("*:Put*s", "events:PutRule", "*", false),
            // A subscriber to the prefix P needs leave for "P*".
            ("bus:Subscribe event/default/*", "bus:Subscribe", "event/default/*", true),
            ("bus:Subscribe event/default/*", "bus:Subscribe", "event/default/app/*", true),
            ("bus:Subscribe event/default/*", "bus:Subscribe", "event/default*", false),
            ("bus:Subscribe event/default/*", "bus:Subscribe", "event/*", false),
            ("bus:Subscribe event/default/*", "bus:Subscribe", "*", false),
            ("bus:Subscribe event/default/*", "bus:Subscribe", "event/default-2/*", false),
            ("bus:Subscribe event/default*", "bus:Subscribe", "event/default*", true),
            ("bus:Subscribe event/default*", "bus:Subscribe", "event/default-2/*", true),
            ("bus:Subscribe event/default/", "bus:Subscribe", "event/default/*", false),
            ("bus:Subscribe event/*/app/*", "bus:Subscribe", "event/default/app/*", true),
            ("bus:Subscribe event/*/app/*", "bus:Subscribe", "event/default/*", false),
            ("bus:Subscribe", "bus:Subscribe", "event/default/*", true),
            ("bus:Subscribe event/default/*", "bus:ReadStream", "event/default/*", false),
            ("bus:Acknowledge billing", "bus:Acknowledge", "billing", true),
            ("bus:Acknowledge billing", "bus:Acknowledge", "billing-2", false),
            ("bus:Acknowledge billing", "bus:Acknowledge", "*", false),
            ("ssm:SendCommand arn:*:document/Fix*", "ssm:SendCommand", "arn:aws:ssm:::document/FixDisk", true),
            ("ssm:SendCommand arn:*:document/Fix*", "ssm:SendCommand", "arn:aws:ssm:::document/Break", false),
        ])
    func matching(text: String, action: String, resource: String, isAllowed: Bool) throws {
        let permission = try #require(Permission(text))
        #expect(permission.allows(action, on: resource) == isAllowed)
        #expect(Permission(permission.description) == permission)
    }

    @Test("What is no action and no more than one resource is no permission", arguments: [
        "", " ", "PutEvents", "a:b c d", "**", "* *  *",
    ])
    func malformed(text: String) {
        #expect(Permission(text) == nil)
    }

    @Test("Many stars against a long text cost little")
    func cost() throws {
        let permission = try #require(Permission("a:" + String(repeating: "a*", count: 100) + "b"))
        let text = "a:" + String(repeating: "a", count: 20_000)
        let clock = ContinuousClock()
        let time = clock.measure { #expect(!permission.allows(text, on: "*")) }
        // Quadratic backtracking over all stars would take hours.
        #expect(time < .seconds(2), "\(time)")
    }
}

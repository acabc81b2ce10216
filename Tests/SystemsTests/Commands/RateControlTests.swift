import Testing

@testable import Systems

@Suite struct RateControlTests {
    @Test(arguments: ["1", "50", "999999999", "1%", "10%", "100%"])
    func concurrencyTakes(_ text: String) { #expect(RateControl(maxConcurrency: text, maxErrors: "0") != nil) }

    @Test(arguments: ["0", "0%", "", "%", "-1", "1.5", "101%", "01", "007%", "5 ", "٣", "1000000000"])
    func concurrencyRefuses(_ text: String) { #expect(RateControl(maxConcurrency: text, maxErrors: "0") == nil) }

    @Test(arguments: ["0", "0%", "10", "9%", "100%"])
    func errorsTake(_ text: String) { #expect(RateControl(maxConcurrency: "1", maxErrors: text) != nil) }

    @Test(arguments: ["", "-1", "101%", "00", "x"])
    func errorsRefuse(_ text: String) { #expect(RateControl(maxConcurrency: "1", maxErrors: text) == nil) }

    @Test(arguments: [
        ("50", 10, 10), ("3", 10, 3), ("10%", 50, 5), ("10%", 55, 5), ("1%", 10, 1), ("100%", 7, 7), ("50", 0, 1),
    ])
    func sharesOfConcurrencyRoundDownToAtLeastOne(_ text: String, _ targets: Int, _ expected: Int) throws {
        let rates = try #require(RateControl(maxConcurrency: text, maxErrors: "0"))
        #expect(rates.concurrency(of: targets) == expected)
    }

    @Test(arguments: [("0", 10, 0), ("0%", 10, 0), ("10%", 50, 5), ("40%", 10, 4), ("10%", 9, 0), ("100%", 5, 5)])
    func sharesOfErrorsRoundDown(_ text: String, _ targets: Int, _ expected: Int) throws {
        let rates = try #require(RateControl(maxConcurrency: "1", maxErrors: text))
        #expect(rates.errors(of: targets) == expected)
    }
}

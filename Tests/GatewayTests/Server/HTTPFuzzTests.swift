import API
import Core
import Foundation
import FoundationXML
import Platform
import TestSupport
import Testing

@testable import Gateway

@Suite("Damaged requests") struct HTTPFuzzTests {
    private static let originals = [
        TestGateway.echo("text"), TestGateway.echo("a") + TestGateway.echo("b"),
        "GET /echo/a%2Fb?count=3&names=x&names=y HTTP/1.1\r\nHost: localhost\r\nX-Flag: true\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            + "Content-Length: 65\r\n\r\nAction=Echo&Version=2010-03-31&Names.member.1=a&Rows.member.1.Key=b",
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSEvents.Echo\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "a\r\n{\"Text\":\"a\r\n3\r\nb\"}\r\n0\r\n\r\n",
        TestGateway.echo(
            "signed",
            headers: "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20240101/us-east-1/events/aws4_request, "
                + "SignedHeaders=host;x-amz-date, Signature=00\r\nX-Amz-Date: 20240101T000000Z\r\n"),
    ]
    private static let pieces = [
        "\r\n", "\n", "\0", "%", "%zz", "..", "=", "&", ":", ";", "\u{FF}", "{", "[[[[", "\"", "é", "-1",
        "99999999999999999999", "chunked", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", " ", "\t", "0\r\n\r\n",
    ]

    private static func damage(_ text: String, _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &random) }
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...20, using: &random)))
            case 2: bytes.insert(contentsOf: pieces.randomElement(using: &random)!.utf8, at: place)
            case 3: bytes.removeSubrange(place...)
            default:
                let piece = pieces.randomElement(using: &random)!
                bytes.insert(contentsOf: String(repeating: piece, count: 200).utf8, at: place)
            }
        }
        return bytes
    }

    @Test("The server outlives them, and goes on to serve")
    func server() async throws {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        var limits = HTTPServer.Limits()
        limits.transferTimeout = .milliseconds(500)
        try await TestGateway.run(limits) { gateway in
            for round in 0..<400 {
                let bytes = Self.damage(Self.originals.randomElement(using: &random)!, &random)
                let connection = try gateway.connect()
                await connection.send(bytes)
                await connection.close()
                if round % 50 == 0 {
                    let whole = try gateway.connect()
                    await whole.send(TestGateway.echo("whole"))
                    #expect(try await whole.answer().text == #"{"Text":"whole"}"#)
                }
            }
            try await eventually("all connections are gone") { gateway.gateway.connectionCount == 0 }
        }
    }

    @Test("Every request that the server passes on has an answer: a success, or the client's fault")
    func handler() async throws {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        let handler = TestHandler()
        var statuses: [Int: Int] = [:]
        for _ in 0..<3000 {
            let bytes = Self.damage(Self.originals.randomElement(using: &random)!, &random)
            guard let request = Self.request(bytes) else { continue }
            let answer = await handler.answer(request)
            statuses[answer.status, default: 0] += 1
            #expect((200..<500).contains(answer.status), "\(String(decoding: bytes, as: UTF8.self))")
            if answer.header("content-type") == "text/xml" {
                #expect(XMLParser(data: Data(answer.body)).parse(), "\(answer.text)")
            } else if !answer.body.isEmpty {
                #expect(!answer.json.isNull, "\(answer.text)")
            }
        }
        #expect(statuses.keys.contains(200) && statuses.keys.contains(400))
    }

    /// A lenient reading of a request, so that much of what is damaged reaches the handler.
    private static func request(_ bytes: [UInt8]) -> HTTPRequest? {
        let text = String(decoding: bytes, as: UTF8.self)
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let lines = parts[0].split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ").map(String.init)
        guard words.count >= 2 else { return nil }
        var request = HTTPRequest(target: words[1])
        request.method = words[0]
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            guard pair.count == 2 else { continue }
            request.headers.append((pair[0].lowercased(), String(pair[1].drop { $0 == " " })))
        }
        request.body = Array((parts.count == 2 ? parts[1] : "").utf8)
        return request
    }
}

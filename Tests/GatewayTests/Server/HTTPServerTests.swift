import API
import Core
import Platform
import TestSupport
import Testing

@testable import Gateway

@Suite("HTTP, as it comes over a connection") struct HTTPServerTests {
    @Test("Requests sent before the answers are answered in their order on the one connection")
    func pipelined() async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            await connection.send((0..<50).map { TestGateway.echo("n\($0)") }.joined())
            for number in 0..<50 {
                let answer = try await connection.answer()
                #expect(answer.status == 200)
                #expect(answer.text == #"{"Text":"n\#(number)"}"#)
                #expect(answer.header("content-type") == "application/x-amz-json-1.1")
            }
            #expect(gateway.gateway.connectionCount == 1)
        }
    }

    @Test("An answer that is found on another thread is sent at once")
    func prompt() async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            let start = ContinuousClock.now
            for number in 0..<100 {
                await connection.send(TestGateway.echo("n\(number)"))
                #expect(try await connection.answer().status == 200)
            }
            // A server that only looks now and then would need a hundred times as long as it waits.
            #expect(ContinuousClock.now - start < .seconds(20))
        }
    }

    @Test("A body may come in chunks", arguments: [1, 2, 7, 1000])
    func chunked(size: Int) async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            var rest = Array(#"{"Text":"in pieces","Count":3}"#.utf8)[...]
            var chunks = ""
            while !rest.isEmpty {
                let piece = rest.prefix(size)
                chunks += String(piece.count, radix: 16) + ";name=value\r\n"
                chunks += String(decoding: piece, as: UTF8.self) + "\r\n"
                rest = rest.dropFirst(size)
            }
            let head = TestGateway.request("Echo").replacing("Content-Length: 2\r\n\r\n{}", with: "")
            await connection.send(head + "Transfer-Encoding: chunked\r\n\r\n\(chunks)0\r\nTrailer: x\r\n\r\n")
            #expect(try await connection.answer().text == #"{"Text":"in pieces","Count":3}"#)
            await connection.send(TestGateway.echo("next"))
            #expect(try await connection.answer().text == #"{"Text":"next"}"#)
        }
    }

    @Test("A request may come byte by byte")
    func slowly() async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            await connection.send(TestGateway.echo("slow"), inPiecesOf: 1, pauseMilliseconds: 1)
            #expect(try await connection.answer().text == #"{"Text":"slow"}"#)
        }
    }

    @Test("The connection is kept, unless the client says otherwise")
    func ending() async throws {
        try await TestGateway.run { gateway in
            let closing = try gateway.connect()
            await closing.send(TestGateway.echo("last", headers: "Connection: close\r\n"))
            #expect(try await closing.answer().header("connection") == "close")
            #expect(await closing.isEnded())

            let old = try gateway.connect()
            await old.send(TestGateway.echo("old").replacing("HTTP/1.1", with: "HTTP/1.0"))
            #expect(try await old.answer().status == 200)
            #expect(await old.isEnded())
        }
    }

    @Test("Who waits for leave to send a body gets it")
    func expectation() async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            let request = TestGateway.echo("asked", headers: "Expect: 100-continue\r\n")
            let body = request.firstRange(of: "\r\n\r\n")!.upperBound
            await connection.send(String(request[..<body]))
            #expect(try await connection.answer().status == 100)
            await connection.send(String(request[body...]))
            #expect(try await connection.answer().text == #"{"Text":"asked"}"#)
        }
    }

    @Test(
        "A request whose end can be read in two ways is refused, and what follows it is not read",
        arguments: [
            "Content-Length: 2\r\nContent-Length: 3\r\n", "Content-Length: 2\r\nContent-Length: 2\r\n",
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Transfer-Encoding: xchunked\r\n",
            "Content-Length: -2\r\n", "Content-Length: 2x\r\n", "Content-Length: +2\r\n",
        ])
    func ambiguous(headers: String) async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            await connection.send(
                "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSEvents.Echo\r\n\(headers)\r\n{}"
                    + TestGateway.echo("smuggled"))
            let answer = try await connection.answer()
            #expect(answer.status == 400)
            #expect(!answer.text.contains("smuggled"))
            #expect(await connection.isEnded())
        }
    }

    @Test("A body over the limit is refused, whether its length is told or not")
    func oversized() async throws {
        var limits = HTTPServer.Limits()
        limits.bodyBytesMax = 1000
        try await TestGateway.run(limits) { gateway in
            let told = try gateway.connect()
            await told.send(TestGateway.request("Echo", String(repeating: " ", count: 1001)))
            let answer = try await told.answer()
            #expect(answer.status == 413)
            #expect(answer.header("x-amzn-errortype") == "RequestEntityTooLarge")
            #expect(answer.header("connection") == "close")

            let chunked = try gateway.connect()
            let head = TestGateway.request("Echo").replacing("Content-Length: 2\r\n\r\n{}", with: "")
            let chunk = "100\r\n" + String(repeating: " ", count: 256) + "\r\n"
            await chunked.send(
                head + "Transfer-Encoding: chunked\r\n\r\n" + String(repeating: chunk, count: 40) + "0\r\n\r\n")
            #expect(try await chunked.answer().status == 413)

            let fitting = try gateway.connect()
            await fitting.send(TestGateway.request("Echo", "{}" + String(repeating: " ", count: 998)))
            #expect(try await fitting.answer().status == 200)
        }
    }

    @Test("A length that no number holds is too long", arguments: ["9223372036854775808", "18446744073709551615"])
    func immeasurable(length: String) async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            await connection.send(
                "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: AWSEvents.Echo\r\nContent-Length: \(length)\r\n\r\n")
            #expect(try await connection.answer().status == 413)
            #expect(await connection.isEnded())
        }
    }

    @Test("A head that is too long is refused", arguments: ["path", "header"])
    func longHead(part: String) async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            let long = String(repeating: "x", count: 80_000)
            await connection.send(
                part == "path"
                    ? "GET /\(long) HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    : "GET / HTTP/1.1\r\nHost: localhost\r\nA: \(long)\r\n\r\n")
            #expect(try await connection.answer().status == (part == "path" ? 414 : 431))
            #expect(await connection.isEnded())
        }
    }

    @Test("More than the server wants to hold at a time is refused, to be tried again")
    func overloaded() async throws {
        var limits = HTTPServer.Limits()
        limits.bytesInFlightMax = 100
        try await TestGateway.run(limits) { gateway in
            let connection = try gateway.connect()
            await connection.send(TestGateway.request("Echo", "{}" + String(repeating: " ", count: 200)))
            let answer = try await connection.answer()
            #expect(answer.status == 400)
            #expect(answer.header("x-amzn-errortype") == "ThrottlingException")
            await connection.send(TestGateway.echo("small"))
            #expect(try await connection.answer().status == 200)
        }
    }

    @Test("HEAD is answered without a body, OPTIONS with what is understood")
    func otherMethods() async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            await connection.send("HEAD /_opsbus/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let head = try await connection.answer(hasBody: false)
            #expect(head.status == 200)
            #expect(head.header("content-length") == "15")
            await connection.send("OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let options = try await connection.answer()
            #expect(options.status == 204)
            #expect(options.header("allow")?.contains("POST") == true)
            #expect(options.header("access-control-allow-origin") == nil)
            await connection.send(TestGateway.echo("after"))
            #expect(try await connection.answer().status == 200)
        }
    }

    @Test("What is not HTTP/1 is refused")
    func otherProtocols() async throws {
        try await TestGateway.run { gateway in
            for text in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n"] {
                let connection = try gateway.connect()
                await connection.send(text)
                await connection.finishSending()
                #expect(await connection.isEnded())
            }
        }
    }

    @Test(
        "A head that is not clear is refused in the form that clients of the service read",
        arguments: [
            "POST / HTTP/1.1", "POST / HTTP/1.1\r\nHost: a\r\nHost: b", "POST /a b HTTP/1.1\r\nHost: a",
            "POST /?a b HTTP/1.1\r\nHost: a", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5",
        ])
    func unclearHead(start: String) async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            await connection.send("\(start)\r\nX-Amz-Target: AWSEvents.Echo\r\nContent-Length: 2\r\n\r\n{}")
            let answer = try await connection.answer()
            #expect(answer.status == 400)
            #expect(answer.header("x-amzn-errortype") == "MalformedRequest")
            #expect(await connection.isEnded())
        }
    }

    @Test("An operation in JSON is called by POST alone", arguments: ["GET", "PUT", "TRACE", "CONNECT", "post"])
    func notPost(method: String) async throws {
        try await TestGateway.run { gateway in
            for action in ["Echo", "PutEvents"] {
                let connection = try gateway.connect()
                await connection.send(TestGateway.request(action).replacing("POST", with: method))
                let answer = try await connection.answer()
                #expect(answer.status == 400)
                #expect(answer.text.contains("is called by POST, not by \(method)."))
            }
        }
    }

    @Test("HTTP/1.0 needs no Host, and its connection ends with the answer")
    func olderVersion() async throws {
        try await TestGateway.run { gateway in
            let connection = try gateway.connect()
            await connection.send("GET /_opsbus/health HTTP/1.0\r\n\r\n")
            #expect(try await connection.answer().status == 200)
            #expect(await connection.isEnded())
        }
    }
}

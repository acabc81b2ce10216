internal import Core

/// The download of one URL to a file by the program `curl`, bounded in time and size.
///
/// Secrets reach the program over its standard input, never by its arguments, which others on the machine can see.
public struct WebTransfer: Sendable, Hashable {
    /// Who asks.
    public enum Credentials: Sendable, Hashable {
        case none
        case basic(user: String, password: String)
        case digest(user: String, password: String)
        /// Signature Version 4 for S3 and what speaks like it.
        case s3(keyID: String, secret: String, sessionToken: String?, region: String)
    }

    public var url: String
    /// The file to write; replaced where it is there.
    public var path: String
    public var credentials: Credentials
    /// Whether plain HTTP will do, for the URL itself and for where it redirects to.
    public var allowsPlainHTTP: Bool
    public var bytesMax: Int
    public var timeout: Duration

    public init(
        _ url: String, to path: String, credentials: Credentials = .none, allowsPlainHTTP: Bool = false,
        bytesMax: Int = 1 << 30, timeout: Duration = .seconds(3600)
    ) {
        self.url = url
        self.path = path
        self.credentials = credentials
        self.allowsPlainHTTP = allowsPlainHTTP
        self.bytesMax = bytesMax
        self.timeout = timeout
    }

    private static let shell = "/bin/sh"
    private static let redirectsMax = 10
    private static let connectSeconds = 30

    /// The request for the process loop.
    ///
    /// Its exit code is curl's; `problem(exitCode:)` says what it means.
    /// - Parameters:
    ///   - curl: The program's path.
    ///   - environment: The whole of it; proxies, for example.
    public func request(curl: String, environment: [String: String]) -> ProcessRequest {
        // The server may not say how long its answer is: then it is the file that must not grow.
        let blocks = (bytesMax + 511) / 512
        return ProcessRequest(
            WebTransfer.shell, ["-c", "ulimit -f \(blocks); exec \"$0\" -q --config -", curl],
            environment: environment, input: Array(configuration.utf8), timeout: timeout + .seconds(5))
    }

    /// - Source: curl(1), `--config`.
    var configuration: String {
        let schemes = allowsPlainHTTP ? "=http,https" : "=https"
        var lines = [
            "silent", "show-error", "fail", "location", "globoff", "retry = 2",
            "max-redirs = \(WebTransfer.redirectsMax)", "connect-timeout = \(WebTransfer.connectSeconds)",
            "max-time = \(max(1, timeout.components.seconds))", "max-filesize = \(bytesMax)",
            option("proto", schemes), option("proto-redir", schemes), option("url", url), option("output", path),
        ]
        switch credentials {
        case .none: break
        case .basic(let user, let password): lines += ["basic", option("user", "\(user):\(password)")]
        case .digest(let user, let password): lines += ["digest", option("user", "\(user):\(password)")]
        case .s3(let keyID, let secret, let token, let region):
            lines += [option("aws-sigv4", "aws:amz:\(region):s3"), option("user", "\(keyID):\(secret)")]
            // The hash of an empty body.
            lines.append(option("header", "x-amz-content-sha256: \(sha256([]))"))
            if let token { lines.append(option("header", "x-amz-security-token: \(token)")) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func option(_ name: String, _ value: String) -> String {
        var quoted = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\", "\"": quoted += "\\\(scalar)"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return "\(name) = \"\(quoted)\""
    }

    /// What went wrong, where curl's own text on standard error does not say it plainly; nil for success.
    public func problem(exitCode: Int) -> String? {
        switch exitCode {
        case 0: nil
        case 1: allowsPlainHTTP ? "the URL is neither HTTP nor HTTPS" : "the URL is not HTTPS"
        case 6: "the host's name is unknown"
        case 7: "the host does not accept connections"
        case 22: "the server answered with an error"
        case 28: "the time limit of \(timeout.components.seconds) s was reached"
        case 60: "the server's certificate is not trusted"
        case 63, 153: "the file is larger than \(bytesMax) bytes"
        default: "curl ended with exit code \(exitCode)"
        }
    }
}

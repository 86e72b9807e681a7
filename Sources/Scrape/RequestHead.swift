/// What a request asks for, told from its bytes. Pure; the other end is not trusted.
enum RequestHead: Equatable {
    /// More bytes are needed.
    case incomplete
    /// The page.
    case page
    /// Anything else, by its status.
    case refused(Status)

    enum Status: Int {
        case ok = 200
        case badRequest = 400
        case notFound = 404
        case methodNotAllowed = 405
        case tooLarge = 431

        var reason: String {
            switch self {
            case .ok: "OK"
            case .badRequest: "Bad Request"
            case .notFound: "Not Found"
            case .methodNotAllowed: "Method Not Allowed"
            case .tooLarge: "Request Header Fields Too Large"
            }
        }
    }

    /// Bytes of a request up to its empty line; a scraper sends some hundred.
    static let limit = 8192
    static let path = "/metrics"

    static func read(_ bytes: [UInt8]) -> RequestHead {
        guard let end = end(of: bytes) else {
            return bytes.count >= limit ? .refused(.tooLarge) : .incomplete
        }
        guard end <= limit else { return .refused(.tooLarge) }
        var lines = bytes[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
        // A tab may stand in a header; nothing else below a space may stand anywhere.
        guard lines.allSatisfy({ $0.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 } }) else {
            return .refused(.badRequest)
        }
        let words = lines.removeFirst().split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0", isToken(words[0]) else {
            return .refused(.badRequest)
        }
        if words[2] == "HTTP/1.1", !lines.contains(where: isHost) { return .refused(.badRequest) }
        guard words[0] == "GET" else { return .refused(.methodNotAllowed) }
        let path = words[1].prefix { $0 != "?" }
        return path == Self.path ? .page : .refused(.notFound)
    }

    /// Where the empty line begins.
    private static func end(of bytes: [UInt8]) -> Int? {
        var lineStart = 0
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            let length = index - lineStart
            if index > 0, length == 0 || length == 1 && bytes[lineStart] == UInt8(ascii: "\r") {
                return max(lineStart - 1, 0)
            }
            lineStart = index + 1
        }
        return nil
    }

    private static func isToken(_ word: String) -> Bool {
        !word.isEmpty && word.count <= 32 && word.utf8.allSatisfy { (0x41...0x5a).contains($0) }
    }

    private static func isHost(_ line: ArraySlice<UInt8>) -> Bool {
        let name = line.prefix { $0 != UInt8(ascii: ":") }
        return name.count < line.count && String(decoding: name, as: UTF8.self).lowercased() == "host"
    }

    /// The whole answer. Each connection is for one request.
    static func response(_ status: Status, _ body: [UInt8]) -> [UInt8] {
        var head = "HTTP/1.1 \(status.rawValue) \(status.reason)\r\n"
        let type = status == .ok ? "text/plain; version=0.0.4; charset=utf-8" : "text/plain; charset=utf-8"
        head += "Content-Type: \(type)\r\nContent-Length: \(body.count)\r\nConnection: close\r\n"
        if status == .methodNotAllowed { head += "Allow: GET\r\n" }
        return Array((head + "\r\n").utf8) + body
    }

    /// What is said to people who look by hand.
    static func refusal(_ status: Status) -> [UInt8] {
        response(status, Array("\(status.rawValue) \(status.reason): GET \(path) is all there is\n".utf8))
    }
}

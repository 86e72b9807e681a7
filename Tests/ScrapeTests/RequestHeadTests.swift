import Testing

@testable import Scrape

@Suite struct RequestHeadTests {
    @Test(arguments: [
        "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /metrics HTTP/1.0\r\n\r\n",
        "GET /metrics?name=up HTTP/1.1\r\nAccept: text/plain\r\nhost:\t127.0.0.1:10137\r\n\r\n",
        "GET /metrics HTTP/1.1\nHost: x\n\n",
    ]) func `the page is what GET asks for`(text: String) {
        #expect(RequestHead.read(Array(text.utf8)) == .page)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ("GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ("GET /../metrics HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405),
        ("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("get /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET /metrics HTTP/1.1\r\n\r\n", 400),
        ("GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        ("GET  /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET /metrics\r\n\r\n", 400),
        ("\r\n\r\n", 400),
        ("GET /metrics HTTP/1.1\r\nHost: x\r\nA: \u{1}\r\n\r\n", 400),
        ("\u{16}\u{3}\u{1}\r\n\r\n", 400),
    ]) func `everything else is refused by what is wrong with it`(text: String, status: Int) {
        guard case .refused(let refused) = RequestHead.read(Array(text.utf8)) else {
            Issue.record("not refused: \(text)")
            return
        }
        #expect(refused.rawValue == status)
    }

    @Test func `a request is incomplete at every byte before its end`() {
        let text = Array("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        for count in 0..<text.count {
            #expect(RequestHead.read(Array(text[..<count])) == .incomplete, "\(count) bytes")
        }
        #expect(RequestHead.read(text) == .page)
    }

    @Test func `a head that never ends is too large`() {
        let text = Array(("GET /metrics HTTP/1.1\r\nHost: x\r\nA: " + String(repeating: "a", count: 9000)).utf8)
        #expect(RequestHead.read(text) == .refused(.tooLarge))
        #expect(RequestHead.read(text + Array("\r\n\r\n".utf8)) == .refused(.tooLarge))
    }

    @Test(arguments: [
        "127.0.0.1:10137", "0.0.0.0:0", "[::1]:10137", "unix:/run/inquest/metrics.sock",
    ]) func `a place to listen at is an address with a port, or a path`(text: String) {
        #expect(ScrapeAddress(text) != nil)
    }

    @Test(arguments: [
        "", "10137", ":10137", "localhost:10137", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "::1:10137",
        "[::1]", "[127.0.0.1]:1", "unix:", "unix:relative", "unix:/" + String(repeating: "a", count: 107),
    ]) func `nothing else is`(text: String) {
        #expect(ScrapeAddress(text) == nil)
    }
}

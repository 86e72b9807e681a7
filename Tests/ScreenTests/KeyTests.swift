import Testing

@testable import Screen

@Suite struct KeyTests {
    @Test(
        arguments: [
            ("q", [.character("q")]), ("\u{1b}[D", [.left]), ("\u{1b}OC", [.right]), ("\u{1b}[5~", [.pageUp]),
            ("\u{1b}[6;5~", [.pageDown]), ("\u{1b}[1;2D", [.left]), ("\u{1b}[H", [.home]), ("\u{1b}[4~", [.end]),
            ("\r", [.enter]),
            ("\u{7f}", [.backspace]), ("\u{0c}", [.control("L")]), ("é日", [.character("é"), .character("日")]),
            ("ab\u{1b}[A", [.character("a"), .character("b"), .up]), ("\u{1b}[99z", [.unknown]),
            ("\u{1b}x", [.escape, .character("x")]),
        ] as [(String, [Key])])
    func `bytes are keys, whole or in pieces`(text: String, keys: [Key]) {
        var whole = KeyDecoder()
        #expect(whole.feed(text.utf8) == keys && !whole.isPending)
        var pieces = KeyDecoder()
        #expect(text.utf8.flatMap { pieces.feed(CollectionOfOne($0)) } == keys && !pieces.isPending)
    }

    @Test func `an escape is a key when nothing follows it`() {
        var decoder = KeyDecoder()
        #expect(decoder.feed([0x1b]).isEmpty && decoder.isPending)
        #expect(decoder.flush() == [.escape] && !decoder.isPending)
        #expect(decoder.feed([0x1b, 0x5b]).isEmpty)
        #expect(decoder.flush() == [.unknown])
    }

    @Test func `no bytes are held for ever, whatever they are`() {
        var decoder = KeyDecoder()
        #expect(decoder.feed([0x1b, 0x5b] + Array(repeating: 0x30, count: 100)).contains(.unknown))
        for byte in UInt8.min...UInt8.max {
            _ = decoder.feed([byte, 0x1b, byte, byte, 0x80])
            _ = decoder.flush()
            #expect(!decoder.isPending)
        }
    }
}

@Suite struct ScreenControlTests {
    private func pressed(_ keys: Key..., from control: ScreenControl = ScreenControl(), at ns: UInt64 = 100_000_000_000)
        -> (ScreenControl, ScreenControl.Action?)
    {
        var control = control
        var action: ScreenControl.Action?
        for key in keys { action = control.press(key, shownNs: ns) }
        return (control, action)
    }

    @Test func `space pauses, and goes on`() {
        #expect(pressed(.character(" ")).1 == .pause)
        for mode in [ScreenControl.Mode.paused, .past] {
            var control = ScreenControl()
            control.enter(mode)
            #expect(pressed(.character(" "), from: control).1 == .live)
        }
    }

    @Test func `arrows go through the recording, never before the boot, and forward only from the past`() {
        #expect(pressed(.left).1 == .show(atNs: 90_000_000_000))
        #expect(pressed(.pageUp).1 == .show(atNs: 40_000_000_000))
        #expect(pressed(.pageUp, at: 5).1 == .show(atNs: 0))
        #expect(pressed(.right).1 == nil)
        var control = ScreenControl()
        control.enter(.past)
        #expect(pressed(.right, from: control).1 == .show(atNs: 110_000_000_000))
        #expect(pressed(.pageDown, from: control).1 == .show(atNs: 160_000_000_000))
    }

    @Test func `a filter is typed, taken back, and given up`() {
        let (typing, none) = pressed(.character("/"), .character("q"), .character("x"), .backspace)
        #expect(none == nil && typing.typed == "q" && typing.filter.isEmpty)
        let (done, _) = pressed(.enter, from: typing)
        #expect(done.filter == "q" && done.typed == nil)
        #expect(done.shows("user-1002.slice/QEMU") && !done.shows("ssh.service"))
        #expect(pressed(.escape, from: done).0.filter.isEmpty)
        #expect(pressed(.escape, from: typing).0.typed == nil)
        var long = typing
        for _ in 0..<1000 { _ = long.press(.character("a"), shownNs: 0) }
        #expect(long.typed?.count == 64)
    }

    @Test func `help is left by any key, and what is no key says so`() {
        let (help, _) = pressed(.character("?"))
        #expect(help.showsHelp && !pressed(.character("m"), from: help).0.showsHelp)
        #expect(pressed(.character("q"), from: help).1 == .quit)
        #expect(pressed(.character("k")).0.notice != nil)
        #expect(pressed(.character("k"), .character("m")).0.notice == nil)
    }

    @Test func `every key of the last row and of the help does something`() {
        for key in " eExmstiq/?" { #expect(pressed(.character(key)).0.notice == nil, "\(key)") }
        #expect(ScreenControl.keys.count <= 80)
        for line in ScreenControl.help { #expect(line.count <= 104, "\(line)") }
    }
}

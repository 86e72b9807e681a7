import Events
import Glibc
import Host
import Rendering
import Screen

/// The live view while it runs: what it knows, what it shows, and what keys do to both. Draws when something changed, at most five times a
/// second, and once a second in any case: the clock goes on. Everything that drawing needs is in memory.
final class TailScreen {
    private(set) var isOver = false
    private var control: ScreenControl
    private let isFollower: Bool
    private let screen: FullScreen
    private let glyphs: Glyphs
    private let boot = Clocks.bootID()
    private let reader: PastReader
    private var painter: Painter
    private var keys = KeyDecoder()
    private var live = ScreenModel()
    /// What is on the screen instead: paused, or of the past.
    private var still: ScreenModel?
    /// The incident that `still` shows: the next one is before or after it.
    private var shownIncident: UInt64?
    /// What the recorder told while its recording is read: it goes behind that.
    private var backlog: [Event]? = []
    private var recordedBoot = BootID.unknown
    private var isDirty = true
    private var drawnNs: UInt64 = 0
    private var lastKeyNs: UInt64 = 0
    private static let frameNs: UInt64 = 200_000_000
    private static let clockNs: UInt64 = 1_000_000_000
    private static let escapeNs: UInt64 = 50_000_000
    private static let backlogBound = 50_000

    /// - Parameters:
    ///   - isFollower: whether the events are a recorder's, numbered as in its recording.
    ///   - filter: to begin with.
    init(
        _ screen: FullScreen, directory: String, isFollower: Bool, filter: String, environment: (String) -> String?
    ) {
        self.screen = screen
        self.isFollower = isFollower
        control = ScreenControl(filter: filter)
        glyphs = FullScreen.glyphs(environment)
        painter = Painter(FullScreen.colours(environment))
        reader = PastReader(directory)
        screen.enter()
        draw()
    }

    /// What to poll: the terminal, changes of it, answers from the disk.
    var descriptors: [pollfd] {
        let room = screen.isReady ? 0 : POLLOUT
        return [
            pollfd(fd: screen.descriptor, events: Int16(POLLIN | room), revents: 0),
            pollfd(fd: screen.changes, events: Int16(POLLIN), revents: 0),
            pollfd(fd: reader.descriptor, events: Int16(POLLIN), revents: 0),
        ]
    }

    /// Milliseconds until something is due though nothing came.
    var patienceMs: Int32 {
        if keys.isPending { return Int32(Self.escapeNs / 1_000_000) }
        return Int32((isDirty ? Self.frameNs : Self.clockNs) / 1_000_000)
    }

    func leave() { screen.leave() }

    // MARK: What happens

    /// Before the first event: names, the time, how things are.
    func introduce(_ event: Event) {
        live.introduce(event)
        isDirty = true
    }

    /// The recorder's own memory of the last minutes, once it is read.
    func askForRecording(of boot: BootID) {
        recordedBoot = boot
        reader.ask(.moment(boot, atNs: nil))
    }

    func take(_ event: Event) {
        live.take(event)
        isDirty = true
        guard backlog != nil else { return }
        if backlog?.count ?? 0 < Self.backlogBound { backlog?.append(event) } else { backlog = nil }
    }

    /// `nil`: the recorder is there.
    func tell(link: String?) {
        if link == nil, control.link != nil { control.notice = "the recorder is back" }
        control.link = link
        isDirty = true
    }

    /// Reads keys, draws what is due.
    func turn() {
        screen.flush()
        if screen.takeChanges() {
            screen.enter()
            painter.forget()
            isDirty = true
        }
        if let bytes = screen.read() {
            let now = Clocks.boottimeNs()
            if !bytes.isEmpty { lastKeyNs = now }
            for key in keys.feed(bytes) { press(key) }
            if keys.isPending, now - lastKeyNs >= Self.escapeNs { for key in keys.flush() { press(key) } }
        } else {
            isOver = true
        }
        if let answer = reader.takeAnswer() { take(answer) }
        let age = Clocks.boottimeNs() - drawnNs
        if screen.isReady, isDirty && age >= Self.frameNs || age >= Self.clockNs { draw() }
    }

    // MARK: Keys

    private var shown: ScreenModel { still ?? live }

    private func press(_ key: Key) {
        isDirty = true
        drawnNs = 0
        switch control.press(key, shownNs: shown.nowNs) {
        case nil: break
        case .quit: isOver = true
        case .suspend:
            screen.suspend()
            painter.forget()
        case .redraw: painter.forget()
        case .pause:
            still = live
            control.enter(.paused)
        case .live: goLive()
        case .show(let ns): show(ns)
        case .incident(let forward):
            // What is shown live without a recorder is younger than anything that was recorded.
            let seq = still != nil || isFollower ? shown.lastSeq &+ (forward ? 0 : 1) : .max
            wait(.incident(from: shownIncident ?? seq, forward: forward))
        case .export: export()
        }
    }

    private func goLive() {
        (still, shownIncident) = (nil, nil)
        control.enter(.live)
    }

    private func show(_ ns: UInt64) {
        shownIncident = nil
        if shown.boot == live.boot, ns >= live.nowNs { return goLive() }
        wait(.moment(shown.boot, atNs: ns))
    }

    private func wait(_ wish: PastReader.Wish) {
        control.notice = "reading the recording: waits for the disk"
        ask(wish)
    }

    private func export() {
        let text = rows().map { $0.text }.joined(separator: "\n") + "\n"
        let time = EventLine.time(Moment(boottimeNs: shown.nowNs), shown.names, TextOptions(), decimals: 0)
        let name = "inquest-screen-" + time.filter { $0.isNumber } + ".txt"
        control.notice = "writing \(name): waits for the disk"
        ask(.export(text, name: name))
    }

    /// A key's wish takes the place of what was to be read at the start.
    private func ask(_ wish: PastReader.Wish) {
        backlog = nil
        reader.ask(wish)
    }

    private func take(_ answer: PastReader.Answer) {
        isDirty = true
        switch answer {
        case .notice(let text):
            // That there is no recording is no news where nobody asked for it.
            if backlog == nil { control.notice = text }
            backlog = nil
        case .newest(let model):
            if let backlog, model.nowNs > 0, model.boot == recordedBoot {
                live = model
                for event in backlog { live.take(event) }
            }
            backlog = nil
        case .past(let model, let notice, let openingSeq):
            (still, shownIncident) = (model, openingSeq)
            control.enter(.past)
            control.notice = notice
        }
    }

    // MARK: Drawing

    private func rows() -> [ScreenRow] {
        let size = screen.size
        return ScreenView(width: size.width, height: size.height, glyphs: glyphs)
            .rows(shown, control, nowNs: isOfThisBoot ? Clocks.boottimeNs() : shown.nowNs)
    }

    /// Another machine's recorder, or the past, has a time of its own.
    private var isOfThisBoot: Bool { still == nil && live.boot == boot }

    private func draw() {
        (isDirty, drawnNs) = (false, Clocks.boottimeNs())
        let frame = painter.paint(rows())
        if !frame.isEmpty { screen.write(frame) }
    }
}

public import Events
public import Incidents
public import Rendering

/// What the live view knows: how things stand, how they came to that over the last minutes, and what happened.
///
///     var model = ScreenModel()
///     for event in client.receive() { model.take(event) }
///     let rows = ScreenView(...).frame(of: model, ...)
///
/// Fed with the events of a recorder, or of a recording; pure, and a value: a copy is what the view shows while it is paused, and
/// one read from a recording is what it shows of the past. Bounded: ten minutes of curves, a few hundred lines. It has no
/// clock and judges nothing: the correlator in it does.
public struct ScreenModel: Sendable {
    /// At most a second old, by the events' time.
    public private(set) var standing = Standing()
    /// The documents of what goes on, as far as they are.
    public private(set) var incidents: [Incident] = []
    /// Of the moments, and of names.
    public private(set) var names = NameTable(capacity: 16_384)
    var columns = Ring<ScreenColumn>(600)
    var lines = Ring<ScreenLine>(400)
    /// Kept beside the others: no flood of those takes a kill off the screen.
    var kills = Ring<ScreenLine>(50)
    private var correlator: Correlator
    /// The number of the newest event; 0 before the first.
    public private(set) var lastSeq: UInt64 = 0
    private var refreshNs: UInt64 = 0
    private static let columnNs: UInt64 = 1_000_000_000

    public init() { correlator = Correlator() }

    /// Goes on from what a correlator knows, names among it.
    public init(knowing correlator: Correlator) {
        self.correlator = correlator
        for event in correlator.introduction { names.note(event) }
    }

    /// The boot that the events are of.
    public var boot: BootID { names.boot }
    /// The time of the last event; 0 before the first.
    public var nowNs: UInt64 { standing.nowNs }

    /// Something that was said before the events: a name, the time, a first sample.
    public mutating func introduce(_ event: Event) {
        names.note(event)
        correlator.consume(event) { _ in }
        refresh(at: event.boottimeNs)
    }

    public mutating func take(_ event: Event) {
        if case .snapshot = event.payload { return }
        guard event.seq == 0 || event.seq > lastSeq else { return }
        lastSeq = max(lastSeq, event.seq)
        if case .recorderStart(let start) = event.payload, start.bootID != names.boot { beginBoot() }
        names.note(event)
        var isNews = false
        correlator.consume(event) { finding in
            if case .phase = finding { return }
            isNews = true
        }
        note(event)
        if isNews || event.boottimeNs >= refreshNs { refresh(at: event.boottimeNs) }
    }

    /// Events are numbered anew from here on.
    public mutating func beginStream() { lastSeq = 0 }

    /// Another boot counts its time anew: no curve goes on from the one before.
    private mutating func beginBoot() {
        columns = Ring(columns.capacity)
        refreshNs = 0
    }

    private mutating func refresh(at ns: UInt64) {
        standing = correlator.standing()
        incidents = correlator.openIncidents()
        guard ns >= refreshNs else { return }
        let column = ScreenColumn(standing)
        if refreshNs > 0 {
            // A second without an event is one in which nothing changed, or of which nothing is known: the standing says which.
            let missed = Swift.min((ns - refreshNs) / Self.columnNs, UInt64(columns.capacity))
            for back in (0..<missed).reversed() {
                columns.push(column.held(at: ns - (back + 1) * Self.columnNs, after: columns.last))
            }
        }
        columns.push(column)
        refreshNs = ns / Self.columnNs * Self.columnNs + Self.columnNs
    }

    private mutating func note(_ event: Event) {
        // What a census finds has a place of its own.
        if case .census = event.payload { return }
        guard let (word, style, text) = EventLine.content(event, names) else { return }
        let line = ScreenLine(
            at: event.moment, time: EventLine.time(event.moment, names, TextOptions(), decimals: 1), word: word,
            style: style, text: text)
        if event.payload.isKill {
            kills.push(line)
        } else if event.payload.comesInCrowds, let first = crowd(word, event.boottimeNs) {
            lines[first].more += 1
            return
        }
        lines.push(line)
    }

    /// The first of a second, which stands for those like it.
    private func crowd(_ word: String, _ ns: UInt64) -> Int? {
        lines.indices.suffix(8).last { lines[$0].word == word && ns &- lines[$0].at.boottimeNs < Self.columnNs }
    }
}

/// One event as it is shown.
struct ScreenLine: Sendable, Equatable {
    var at: Moment
    var time: String
    var word: String
    var style: Style
    var text: String
    /// Like it, within the same second.
    var more: UInt64 = 0
}

/// One second of the curves.
struct ScreenColumn: Sendable, Equatable {
    var ns: UInt64
    var memorySome: Ratio
    var memoryFull: Ratio
    var ioFull: Ratio
    var availableBytes: Figure
    var swapUsedBytes: Figure
    var swapBytesPerSecond: Figure
    var devices: [Device]

    struct Device: Sendable, Equatable {
        var device: UInt32
        var bytesPerSecond: Figure
        var readP99Ns: Figure
    }

    init(_ standing: Standing) {
        let host = standing.host
        ns = standing.nowNs
        memorySome = host.memorySome
        memoryFull = host.memoryFull
        ioFull = host.ioFull
        availableBytes = host.availableBytes
        swapUsedBytes = host.swapUsedBytes
        swapBytesPerSecond = host.swapBytesPerSecond
        devices = standing.devices.prefix(8).map {
            Device(device: $0.device, bytesPerSecond: $0.bytesPerSecond, readP99Ns: $0.readP99Ns)
        }
    }

    /// What stands in a second without an event: in calm samples that say nothing new are left out, and what was is what is. Under
    /// pressure there are some each second, or nobody knows.
    func held(at ns: UInt64, after last: ScreenColumn?) -> ScreenColumn {
        var column = last ?? self
        column.ns = ns
        if last?.memorySome.millionths ?? 0 >= 150_000 {
            (column.memorySome, column.memoryFull, column.ioFull) = (.unknown, .unknown, .unknown)
            (column.availableBytes, column.swapUsedBytes, column.swapBytesPerSecond) = (.unknown, .unknown, .unknown)
            column.devices = []
        }
        return column
    }
}

extension HostStanding {
    var swapBytesPerSecond: Figure {
        guard let read = swapInBytesPerSecond.value, let written = swapOutBytesPerSecond.value else { return .unknown }
        return Figure(read &+ written)
    }
}

extension Payload {
    /// Whether somebody was killed: by the kernel for memory, or by a SIGKILL from another process.
    var isKill: Bool {
        switch self {
        case .oomKill, .kernelLogKill: true
        case .signal(let signal): signal.signal == 9 && signal.origin != .kernel
        default: false
        }
    }

    var comesInCrowds: Bool {
        switch self {
        case .stall, .slowIO, .exit, .signal, .reap, .samplerGap, .lost: true
        default: false
        }
    }
}

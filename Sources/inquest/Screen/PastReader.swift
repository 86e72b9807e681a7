import CLinux
import Events
import Glibc
import Host
import Incidents
import Recording
import Rendering
import Screen
import Synchronization

/// What the live view asks of the disk, on a thread of its own: on a disk in a storm each of it takes as long as it takes, and the view
/// goes on meanwhile. Only the newest wish counts; one that is under way gives way to it.
final class PastReader: @unchecked Sendable {
    enum Wish: Sendable {
        /// How it looked at a moment of a boot; no moment: the newest there is.
        case moment(BootID, atNs: UInt64?)
        /// The incident before an event's number, or after it.
        case incident(from: UInt64, forward: Bool)
        /// A file of what is on the screen.
        case export(String, name: String)
    }

    enum Answer: Sendable {
        /// With what it is, where it is an incident, and the number of the event that opened it.
        case past(ScreenModel, notice: String?, openingSeq: UInt64?)
        case newest(ScreenModel)
        case notice(String)
    }

    private let directory: String
    private let wish = Mutex<Wish?>(nil)
    private let answer = Mutex<Answer?>(nil)
    private let isWished = Atomic<Bool>(false)
    private let wake = eventfd(0, Int32(EFD_CLOEXEC))
    /// Readable when there is an answer.
    let descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))

    /// Its thread ends with the process.
    init(_ directory: String) {
        self.directory = directory
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self)
        if unsafe pthread_create(&thread, nil, pastReaderMain, context.toOpaque()) == 0 {
            pthread_detach(thread)
        } else {
            unsafe context.release()
        }
    }

    func ask(_ new: Wish) {
        wish.withLock { $0 = new }
        isWished.store(true, ordering: .releasing)
        signalEventfd(wake)
    }

    func takeAnswer() -> Answer? {
        clearEventfd(descriptor)
        return answer.withLock { answer in
            defer { answer = nil }
            return answer
        }
    }

    fileprivate func run() {
        while true {
            clearEventfd(wake)
            guard
                let next = wish.withLock({ wish in
                    defer { wish = nil }
                    return wish
                })
            else { continue }
            isWished.store(false, ordering: .releasing)
            var result: Answer?
            do throws(CommandError) { result = try fulfil(next) } catch { result = .notice(error.message) }
            guard let result else { continue }
            answer.withLock { $0 = result }
            signalEventfd(descriptor)
        }
    }

    /// `nil` when another wish came meanwhile.
    private func fulfil(_ wish: Wish) throws(CommandError) -> Answer? {
        switch wish {
        case .export(let text, let name):
            try OutputFile.write(name) { $0.write(text) }
            return .notice("written to \(name)")
        case .moment(let boot, nil):
            return read(try openRecording(directory), boot, .max).map { .newest($0) }
        case .moment(let boot, let ns?):
            guard let model = read(try openRecording(directory), boot, ns) else { return nil }
            guard model.standing.sampledNs > 0 else { return .notice("nothing was recorded then") }
            return .past(model, notice: nil, openingSeq: nil)
        case .incident(let seq, let forward):
            let reader = try openRecording(directory)
            let all = IncidentStore(reader).incidents
            let found = forward ? all.first { $0.openingSeq > seq } : all.last { $0.openingSeq < seq }
            guard let incident = found else {
                return .notice(
                    all.isEmpty ? "no incident is recorded" : "no incident \(forward ? "after" : "before") this")
            }
            let words = IncidentWords(incident, utcOffsetSeconds: nil)
            return read(reader, incident.host.bootID, incident.worstNs).map {
                .past(
                    $0, notice: NameWords.name(incident.id) + ": " + words.verdict + ", " + words.lasted,
                    openingSeq: incident.openingSeq)
            }
        }
    }

    /// The model as it was at a moment: from the correlator's state some minutes before it, for the curves.
    private func read(_ reader: RecordingReader, _ boot: BootID, _ ns: UInt64) -> ScreenModel? {
        let curvesNs: UInt64 = 120_000_000_000
        let last = reader.segments.last?.clock.boottimeNs ?? 0
        let from = min(ns, last &+ curvesNs)
        let wanted = reader.segments.first { $0.bootID == boot }
        let state = reader.newestSnapshot { moment, other, _ in
            if other == boot { return moment.boottimeNs <= from - min(from, curvesNs) }
            return reader.segments.contains { $0.bootID == other && $0.firstSeq < wanted?.firstSeq ?? 0 }
        }
        var model =
            state.flatMap { try? Correlator(snapshot: $0.state) }.map { ScreenModel(knowing: $0) } ?? ScreenModel()
        struct Over: Error {}
        var count: UInt64 = 0
        var isGone = false
        do throws(Over) {
            try reader.forEach(from: state?.seq ?? 0) { event throws(Over) in
                count += 1
                if count % 1024 == 0, isWished.load(ordering: .acquiring) {
                    isGone = true
                    throw Over()
                }
                if case .recorderStart(let start) = event.payload, start.bootID != boot, model.boot == boot {
                    throw Over()
                }
                if model.boot == boot, event.boottimeNs > ns { throw Over() }
                model.take(event)
            }
        } catch {}
        return isGone ? nil : model
    }
}

private func pastReaderMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    var blocked = sigset_t()
    unsafe sigfillset(&blocked)
    unsafe pthread_sigmask(SIG_BLOCK, &blocked, nil)
    // Not ahead of others: drawing is.
    SelfProtection.lowerPriority()
    unsafe Unmanaged<PastReader>.fromOpaque(context).takeUnretainedValue().run()
    return nil
}

extension Incident {
    /// When it was at its worst: the moment to show.
    fileprivate var worstNs: UInt64 {
        let worst = phases.max { $0.to < $1.to }?.at ?? started
        // What led to it is in the samples just after.
        let shown = max(worst.boottimeNs, started.boottimeNs) &+ 5_000_000_000
        guard let end = ended?.at.boottimeNs, ended?.at.isUnknown == false else { return shown }
        return min(shown, max(end, started.boottimeNs))
    }
}

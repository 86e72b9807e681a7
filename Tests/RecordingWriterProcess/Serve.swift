import Events
import Glibc
import Live
import Recording

/// A recorder as its readers see it, without probes: tells a recording's events on a socket, those of its first boot and of so many
/// seconds, to each reader that comes alone, and is there until it is killed.
func serve(_ directory: String, on socket: String, seconds: UInt64) {
    let reader: RecordingReader
    do throws(RecordingError) { reader = try RecordingReader(directory) } catch { fail(error.message) }
    guard let boot = reader.segments.first?.bootID else { fail("nothing is recorded in \(directory)") }
    var events: [Event] = []
    reader.forEach(from: 0) { if case .snapshot = $0.payload {} else { events.append($0) } }
    let first = events.first?.boottimeNs ?? 0
    let told = events.prefix { $0.boottimeNs >= first && $0.boottimeNs <= first + seconds * 1_000_000_000 }
    do throws(LiveError) {
        let live = try LiveServer(path: socket, bootID: boot)
        say("serving \(told.count) events")
        var rest = told[...]
        while true {
            var entry = pollfd(fd: live.descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&entry, 1, 10)
            live.service()
            guard live.isRead else {
                // The next one hears it all again.
                rest = told[...]
                continue
            }
            for event in rest.prefix(50) { live.broadcast(event) }
            rest = rest.dropFirst(50)
            live.flush()
        }
    } catch {
        fail(error.message)
    }
}

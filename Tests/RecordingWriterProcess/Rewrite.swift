import Events
import Recording

/// Writes the events of a recording, whatever version made it, as this version does.
func rewrite(_ directory: String, from old: String) throws {
    let options = RecordingOptions(bootID: BootID(high: 1, low: 1), host: Bytes("bench".utf8), clock: bootClock)
    let writer = try RecordingWriter.open(directory, options).0
    var snapshot = Bytes()
    try RecordingReader(old).forEach(from: 0) { (event: Event) in
        if case .snapshot(let state) = event.payload {
            snapshot = state.state
            return
        }
        writer.append(event) { snapshot }
    }
    guard writer.close() else { fail("not all of \(old) was written to \(directory)") }
}

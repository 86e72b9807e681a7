import Events
import Incidents
import Metrics
import Recording

extension MetricsFold {
    /// Goes on from a recording: what it tells beyond what was counted is counted, everything else is known from then on.
    ///
    /// - Parameter isFirst: nothing was counted before; then nothing of the past is.
    mutating func catchUp(with directory: String, isFirst: Bool) throws(CommandError) {
        let reader = try openRecording(directory)
        let before = counters
        // Another directory, or begun anew: its numbers have nothing to do with those that were heard.
        let isFamiliar = !isFirst && reader.segments.contains { $0.firstSeq <= before.lastSeq }
        func isOld(_ moment: Moment, _ boot: BootID) -> Bool {
            if boot == before.boot { return moment.boottimeNs <= before.lastNs }
            return reader.segments.contains { $0.bootID == boot && $0.firstSeq <= before.lastSeq }
        }
        let state = reader.newestSnapshot { moment, boot, _ in !isFamiliar || isOld(moment, boot) }
        let known = state.flatMap { try? Correlator(snapshot: $0.state) }
        begin(known ?? Correlator())
        beginNumbering()
        reader.forEach(from: known == nil ? 0 : state?.seq ?? 0) { event in
            if isFamiliar && event.seq > before.lastSeq { consume(event) } else { learn(event) }
        }
    }
}

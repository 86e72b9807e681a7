import Events
import Glibc
import Host
import Incidents
import Recording

/// Opens a recording for reading.
func openRecording(_ directory: String) throws(CommandError) -> RecordingReader {
    do throws(RecordingError) {
        return try RecordingReader(directory)
    } catch {
        throw CommandError(error.message)
    }
}

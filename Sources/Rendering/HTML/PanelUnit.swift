import Events

/// What a panel's figures are; the script words them by the same rules.
enum PanelUnit: String {
    case bytes
    case bytesPerSecond = "bytes/s"
    case percent
    case count
    /// A load average as the kernel has it.
    case thousandths
    /// Task time a time: how many tasks on average.
    case tasks
    /// A bucket of a latency histogram: a power of two of microseconds.
    case bucket

    func words(_ value: Double) -> String {
        switch self {
        case .bytes: Units.bytes(whole(value))
        case .bytesPerSecond: Units.bytesPerSecond(whole(value))
        case .percent: value > 0 && value < 10 ? decimal(value, 1) + " %" : "\(whole(value)) %"
        case .count: value < 10 ? decimal(value, 1) : Units.count(whole(value))
        case .thousandths: decimal(value / 1000, 1)
        case .tasks: decimal(value, value < 10 ? 2 : 0)
        case .bucket: Units.duration((UInt64(1) << UInt64(min(max(value, 0), 40))) * 1000)
        }
    }

    /// The least round figure that is no less: the upper end of a scale.
    func roundedUp(_ value: Double) -> Double {
        switch self {
        case .percent where value > 50 && value <= 100: return 100
        case .bucket: return value
        case .bytes, .bytesPerSecond:
            var unit = 1.0
            while unit * 1024 < value { unit *= 1024 }
            let steps: [Double] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768]
            return (steps.first { $0 * unit >= value } ?? 1024) * unit
        case .percent, .count, .thousandths, .tasks:
            let least: Double = self == .percent ? 10 : self == .thousandths ? 1000 : 1
            guard value > least else { return least }
            var unit = least
            while unit * 10 < value { unit *= 10 }
            return ([1, 1.5, 2, 3, 4, 6, 8].first { $0 * unit >= value } ?? 10) * unit
        }
    }
}

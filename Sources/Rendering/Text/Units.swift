public import Events

/// Quantities in words for people. Unknown is `?`, a limit that is none is `max`; documents for machines use none of this.
public enum Units {
    /// `0 B`, `38.5 KiB`, `64 MiB`: one decimal unless the number is exact.
    public static func bytes(_ value: UInt64) -> String {
        let names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var index = 0
        var unit: UInt64 = 1
        // The next unit as soon as one decimal would read 1024.0.
        while index + 1 < names.count && (value / unit > 1023 || value / unit == 1023 && value % unit * 20 >= unit * 19)
        {
            index += 1
            unit <<= 10
        }
        if value % unit == 0 { return "\(value / unit) \(names[index])" }
        return oneDecimal(value, of: unit) + " " + names[index]
    }

    public static func bytes(_ figure: Figure) -> String { text(of: figure, bytes) }

    /// `+11.2 GiB`: growth; a known 0 is `0 B`.
    package static func growth(_ figure: Figure) -> String {
        guard let value = figure.value else { return text(of: figure, bytes) }
        return value == 0 ? "0 B" : "+" + bytes(value)
    }

    public static func bytesPerSecond(_ value: UInt64) -> String { bytes(value) + "/s" }

    /// `850 ns`, `12 us`, `1.4 ms`, `38 ms`, `2.1 s`, `94 s`, `7 min 36 s`, `2 h 05 min`, `3 d 04 h`.
    public static func duration(_ ns: UInt64) -> String {
        switch ns {
        case 0: return "0 s"
        case ..<1000: return "\(ns) ns"
        case ..<1_000_000: return "\(ns / 1000) us"
        case ..<9_950_000: return oneDecimal(ns, of: 1_000_000) + " ms"
        case ..<999_500_000: return "\((ns + 500_000) / 1_000_000) ms"
        case ..<9_950_000_000: return oneDecimal(ns, of: 1_000_000_000) + " s"
        default: break
        }
        let seconds = ns / 1_000_000_000 + (ns % 1_000_000_000 >= 500_000_000 ? 1 : 0)
        switch seconds {
        case ..<100: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min \(twoDigits(seconds % 60)) s"
        case ..<86400: return "\(seconds / 3600) h \(twoDigits(seconds / 60 % 60)) min"
        default: return "\(seconds / 86400) d \(twoDigits(seconds / 3600 % 24)) h"
        }
    }

    public static func duration(_ figure: Figure) -> String { text(of: figure, duration) }

    /// `72 %`, `0.4 %`: one decimal below ten.
    public static func percent(_ ratio: Ratio) -> String {
        guard !ratio.isUnknown else { return "?" }
        let millionths = UInt64(ratio.millionths)
        if millionths == 0 { return "0 %" }
        return (millionths < 99_500 ? oneDecimal(millionths, of: 10_000) : "\((millionths + 5000) / 10_000)") + " %"
    }

    /// `4`, `11,204`.
    public static func count(_ value: UInt64) -> String {
        let digits = Array(String(value))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    public static func count(_ figure: Figure) -> String { text(of: figure, count) }

    /// An evidence's figure in the unit it names; it stands in a sentence, so unknown is a word.
    public static func figure(_ figure: Figure, unit: Bytes) -> String {
        if figure.isUnknown { return "unknown" }
        switch unit {
        case Bytes("bytes".utf8): return bytes(figure)
        case Bytes("bytes/s".utf8): return text(of: figure, bytesPerSecond)
        case Bytes("ns".utf8): return duration(figure)
        case Bytes("percent".utf8): return count(figure) + " %"
        case Bytes(): return count(figure)
        default: return count(figure) + " " + Escaping.terminal(unit)
        }
    }

    private static func text(of figure: Figure, _ words: (UInt64) -> String) -> String {
        if figure.isUnlimited { return "max" }
        guard let value = figure.value else { return "?" }
        return words(value)
    }

    /// Rounded, in whole numbers throughout.
    private static func oneDecimal(_ value: UInt64, of unit: UInt64) -> String {
        let tenths = (value % unit * 10 + unit / 2) / unit
        return "\(value / unit + tenths / 10).\(tenths % 10)"
    }

    static func twoDigits(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}

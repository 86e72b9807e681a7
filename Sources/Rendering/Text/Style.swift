/// What a piece of terminal text is, and how 16 colours show it.
package enum Style {
    case plain
    case heading
    case section
    case faint
    case time
    case alarm
    case warning
    case good

    /// The SGR parameters (ECMA-48), `nil` for none.
    var parameters: String? {
        switch self {
        case .plain: nil
        case .heading, .section: "1"
        case .faint: "2"
        case .time: "36"
        case .alarm: "1;31"
        case .warning: "33"
        case .good: "32"
        }
    }

    func paint(_ text: String, colour: Bool) -> String {
        guard colour, !text.isEmpty, let parameters else { return text }
        return "\u{1b}[" + parameters + "m" + text + "\u{1b}[0m"
    }
}

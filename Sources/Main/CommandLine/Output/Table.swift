internal import Core

/// Rows under headings, in aligned columns.
struct Table {
    /// A cell and the column it stands in may carry a meaning beyond the text.
    struct Column {
        let heading: String
        var alignsRight = false
        var isStatus = false
        /// Whether its cells are prose, which is cut: JSON has it whole.
        var isProse = false
    }

    /// Columns of a terminal that a cell of prose takes at most.
    static let proseWidthMax = 60

    let columns: [Column]
    private(set) var rows: [[String]] = []

    /// - Parameter headings: `>` before a heading aligns its column to the right, `*` says that it holds statuses, `~`
    ///   that it holds prose.
    init(_ headings: [String]) {
        columns = headings.map { heading in
            switch heading.first {
            case ">": Column(heading: String(heading.dropFirst()), alignsRight: true)
            case "*": Column(heading: String(heading.dropFirst()), isStatus: true)
            case "~": Column(heading: String(heading.dropFirst()), isProse: true)
            default: Column(heading: heading)
            }
        }
    }

    /// - Parameter cells: One for each column; of several lines only the first is shown.
    mutating func add(_ cells: [String]) {
        rows.append(
            zip(columns, cells).map { column, cell in
                let end = cell.firstIndex(where: \.isNewline)
                let line = end.map { printable(String(cell[..<$0])) + "…" } ?? printable(cell)
                return column.isProse ? truncated(line, to: Table.proseWidthMax) : line
            })
    }

    /// The lines; the last column is cut to fit `width` where one is given.
    func text(style: Style, width: Int?) -> String {
        let widths = columns.indices.map { index in
            max(displayWidth(columns[index].heading), rows.map { displayWidth($0[index]) }.max() ?? 0)
        }
        var text = line(columns.map(\.heading), widths, width) { style.heading($1) }
        for row in rows {
            text += line(row, widths, width) { columns[$0].isStatus ? style.status($1) : $1 }
        }
        return text
    }

    private func line(
        _ cells: [String], _ widths: [Int], _ width: Int?, _ paint: (Int, String) -> String
    ) -> String {
        var line = ""
        var used = 0
        for (index, cell) in cells.enumerated() {
            let isLast = index == cells.count - 1
            let shown = isLast ? width.map { truncated(cell, to: max($0 - used, 8)) } ?? cell : cell
            let padding = String(repeating: " ", count: max(widths[index] - displayWidth(shown), 0))
            if columns[index].alignsRight {
                line += padding + paint(index, shown)
            } else {
                line += paint(index, shown) + (isLast ? "" : padding)
            }
            if !isLast { line += "  " }
            used += widths[index] + 2
        }
        return line + "\n"
    }
}

/* Lines that are folded away: ranges [from, end) of line indices, apart and in order. Rows are the lines that are left.
 * Pure. */

export type Fold = readonly [from: number, end: number];

export function addFold(folds: readonly Fold[], from: number, end: number): Fold[] {
    if (end <= from) return [...folds];
    const kept: Fold[] = [];
    for (const f of folds) {
        if (f[1] < from || f[0] > end) kept.push(f);
        else {
            from = Math.min(from, f[0]);
            end = Math.max(end, f[1]);
        }
    }
    kept.push([from, end]);
    return kept.sort((a, b) => a[0] - b[0]);
}

/* Without the fold that begins at this line. */
export function removeFold(folds: readonly Fold[], from: number): Fold[] {
    return folds.filter((f) => f[0] !== from);
}

/* Without those that hide this line. */
export function reveal(folds: readonly Fold[], line: number): Fold[] {
    return folds.filter((f) => line < f[0] || line >= f[1]);
}

export function hiddenBefore(folds: readonly Fold[], line: number): number {
    let n = 0;
    for (const [from, end] of folds) {
        if (from >= line) break;
        n += Math.min(end, line) - from;
    }
    return n;
}

export function rowsOf(folds: readonly Fold[], lines: number): number {
    return lines - hiddenBefore(folds, lines);
}

export function lineOfRow(folds: readonly Fold[], row: number): number {
    let line = row;
    for (const [from, end] of folds) {
        if (from > line) break;
        line += end - from;
    }
    return line;
}

/* The row of a line, or of the next that is shown. */
export function rowOfLine(folds: readonly Fold[], line: number): number {
    return line - hiddenBefore(folds, line);
}

/* Which rows of a long list are in the document. Rows have one height. Pure.
 *
 * Browsers cannot draw elements of any height (Chromium: 2^25 pixels), so a list that would be higher is squeezed: the
 * scroll bar then moves faster than the rows, and rows stand where the scroll bar is. */

export const HEIGHT_MAX = 15_000_000;

export interface Window {
    first: number; /* row */
    end: number; /* the row after the last */
    top: number; /* pixels of the first row in the list */
    height: number; /* of the list */
}

export function heightOf(rows: number, row: number): number {
    return Math.min(rows * row, HEIGHT_MAX);
}

export function windowOf(scrollTop: number, viewport: number, rows: number, row: number, over = 20): Window {
    const height = heightOf(rows, row), full = rows * row;
    const range = Math.max(1, height - viewport);
    const at = Math.min(Math.max(0, scrollTop), range);
    /* In rows' own pixels. */
    const real = height === full ? at : (at / range) * Math.max(0, full - viewport);
    const visible = Math.floor(real / row);
    const first = Math.max(0, visible - over);
    const end = Math.min(rows, visible + Math.ceil(viewport / row) + 1 + over);
    return { first, end, top: at - (real - first * row), height };
}

/* Where to scroll so that a row is at `where` (0: the top, 0.5: the middle) of the view. */
export function scrollTo(wanted: number, viewport: number, rows: number, row: number, where = 0): number {
    const height = heightOf(rows, row), full = rows * row;
    const real = Math.min(Math.max(0, wanted * row - (viewport - row) * where), Math.max(0, full - viewport));
    if (height === full) return real;
    return (real / Math.max(1, full - viewport)) * (height - viewport);
}

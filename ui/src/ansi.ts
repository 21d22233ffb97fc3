/* Escape sequences of terminals (ECMA-48) in one line of a log, as pieces of text with a look. Colours and weights are
 * kept (SGR), links (OSC 8) and everything else is taken out; a carriage return starts the line anew, as progress bars
 * want it. Pure. */

export interface Piece {
    text: string;
    fg: string; /* '' or a class: 'f1', 'f9'; or '#rrggbb' */
    bg: string;
    bold: boolean;
    dim: boolean;
    italic: boolean;
    underline: boolean;
    strike: boolean;
    inverse: boolean;
}

type Style = Omit<Piece, 'text'>;

const PLAIN: Style = {
    fg: '', bg: '', bold: false, dim: false, italic: false, underline: false, strike: false, inverse: false,
};

/* A colour of the 256: the first 16 are the theme's, then a cube of 6 × 6 × 6, then greys. */
function colour256(n: number): string {
    if (n < 0 || n > 255) return '';
    if (n < 16) return `f${n}`;
    if (n >= 232) {
        const grey = (8 + (n - 232) * 10).toString(16).padStart(2, '0');
        return `#${grey}${grey}${grey}`;
    }
    const at = (v: number) => (v ? 55 + v * 40 : 0).toString(16).padStart(2, '0');
    n -= 16;
    return `#${at(Math.floor(n / 36))}${at(Math.floor(n / 6) % 6)}${at(n % 6)}`;
}

function extended(codes: number[], at: number): [string, number] {
    if (codes[at] === 5) return [colour256(codes[at + 1] ?? -1), 2];
    if (codes[at] !== 2) return ['', 1];
    const parts = [1, 2, 3].map((i) => Math.min(255, codes[at + i] ?? 0));
    return [`#${parts.map((v) => v.toString(16).padStart(2, '0')).join('')}`, 4];
}

function apply(style: Style, text: string): Style {
    const codes = text.split(/[;:]/).map((x) => Number(x) || 0);
    const s = { ...style };
    for (let i = 0; i < codes.length; i++) {
        const c = codes[i]!;
        if (c === 0) Object.assign(s, PLAIN);
        else if (c === 1) s.bold = true;
        else if (c === 2) s.dim = true;
        else if (c === 3) s.italic = true;
        else if (c === 4) s.underline = true;
        else if (c === 7) s.inverse = true;
        else if (c === 9) s.strike = true;
        else if (c === 22) s.bold = s.dim = false;
        else if (c === 23) s.italic = false;
        else if (c === 24) s.underline = false;
        else if (c === 27) s.inverse = false;
        else if (c === 29) s.strike = false;
        else if (c >= 30 && c <= 37) s.fg = `f${c - 30}`;
        else if (c === 39) s.fg = '';
        else if (c >= 40 && c <= 47) s.bg = `f${c - 40}`;
        else if (c === 49) s.bg = '';
        else if (c >= 90 && c <= 97) s.fg = `f${c - 82}`;
        else if (c >= 100 && c <= 107) s.bg = `f${c - 92}`;
        else if (c === 38 || c === 48) {
            const [colour, used] = extended(codes, i + 1);
            if (c === 38) s.fg = colour;
            else s.bg = colour;
            i += used;
        }
    }
    return s;
}

/* CSI … final; OSC … BEL or ST; other strings … ST; two-character escapes. */
const ESCAPE = /\x1b(?:\[([0-?]*)([ -/]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])/g;
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;

function cleaned(text: string): string {
    return text.replace(CONTROL, '');
}

export function parseAnsi(line: string): Piece[] {
    if (line.endsWith('\r')) line = line.slice(0, -1);
    if (!/[\x00-\x08\x0b-\x1f\x7f]/.test(line)) return line ? [{ text: line, ...PLAIN }] : [];
    let pieces: Piece[] = [];
    let style = PLAIN;
    let at = 0;
    const add = (raw: string) => {
        const back = raw.lastIndexOf('\r');
        if (back >= 0) {
            pieces = [];
            raw = raw.slice(back + 1);
        }
        const text = cleaned(raw);
        if (text) pieces.push({ text, ...style });
    };
    for (const m of line.matchAll(ESCAPE)) {
        add(line.slice(at, m.index));
        at = m.index + m[0].length;
        if (m[3] === 'm' && !m[2] && !/[<=>?]/.test(m[1]!)) style = apply(style, m[1]!);
    }
    add(line.slice(at));
    return pieces;
}

export function plainText(line: string): string {
    return parseAnsi(line).map((p) => p.text).join('');
}

/* The pieces with [from, to) of their text marked, as pieces of their own. */
export function split(pieces: Piece[], ranges: [number, number][]): (Piece & { mark: boolean })[] {
    const all: (Piece & { mark: boolean })[] = [];
    let at = 0;
    for (const p of pieces) {
        let from = at;
        const end = at + p.text.length;
        const cut = (to: number, mark: boolean) => {
            if (to > from) all.push({ ...p, text: p.text.slice(from - at, to - at), mark });
            from = Math.max(from, to);
        };
        for (const [a, b] of ranges) {
            if (b <= from || a >= end) continue;
            cut(Math.min(a, end), false);
            cut(Math.min(b, end), true);
        }
        cut(end, false);
        at = end;
    }
    return all;
}

/* The records in which a log is followed: `STEP AT_US KIND TEXT`. Pure. */
import type { LogLine } from './types';

const kinds: Record<string, string> = {
    o: 'plain', d: 'debug', n: 'notice', w: 'warning', e: 'error', c: 'command', g: 'group', G: 'endgroup',
};

export function parseRecord(record: string, line: number): LogLine | null {
    const m = /^(-?\d+) (\d+) ([a-zA-Z]) ?/.exec(record);
    const kind = m && kinds[m[3]!];
    if (!m || !kind) return null;
    return { line, step: Number(m[1]), at_us: Number(m[2]), kind, text: record.slice(m[0].length) };
}

/* Takes pieces of a stream apart into whole lines; the rest waits for what comes. */
export class Lines {
    private rest = '';

    add(piece: string): string[] {
        const lines = (this.rest + piece).split('\n');
        this.rest = lines.pop()!;
        return lines;
    }
}

/* The lines of one log, read in pieces as they are looked at. Of a long log only some pieces are kept. */
import { signal } from '@preact/signals';
import { get, Problem } from '../api';
import { Lines, parseRecord } from '../records';
import type { LogFound, LogLine, LogLines } from '../types';

export const PIECE = 500;
const PIECES_MAX = 60;
const RETRY_MS = 2000;

export class LogSource {
    /* Lines that there are, and a number that grows with each change of what is here. */
    readonly total = signal(0);
    readonly version = signal(0);
    readonly problem = signal<unknown>(null);
    readonly ready = signal(false);
    readonly following = signal(false);
    private pieces = new Map<number, (LogLine | undefined)[]>();
    private asked = new Map<number, Promise<void>>();
    private abort = new AbortController();
    private end = 0;

    constructor(readonly job: number) {}

    line(index: number): LogLine | undefined {
        return this.pieces.get(Math.floor(index / PIECE))?.[index % PIECE];
    }

    private put(line: LogLine): void {
        const index = line.line - 1, at = Math.floor(index / PIECE);
        let piece = this.pieces.get(at);
        if (!piece) this.pieces.set(at, piece = []);
        piece[index % PIECE] = line;
    }

    private take(page: LogLines): void {
        for (const line of page.lines) this.put(line);
        this.total.value = Math.max(this.total.peek(), page.total);
        this.version.value++;
    }

    private query(query: Record<string, string | number>): Promise<LogLines> {
        return get<LogLines>(`jobs/${this.job}/log`, query, this.abort.signal);
    }

    /* The end of the log, as far as it goes now. */
    async open(): Promise<void> {
        try {
            const page = await this.query({ lines: PIECE });
            this.take(page);
            this.end = page.end;
            this.problem.value = null;
            this.ready.value = true;
        } catch (why) {
            if (!this.abort.signal.aborted) this.problem.value = why;
        }
    }

    private whole(at: number): boolean {
        const piece = this.pieces.get(at);
        if (!piece) return false;
        const size = Math.min(PIECE, this.total.peek() - at * PIECE);
        for (let i = 0; i < size; i++) {
            if (!piece[i]) return false;
        }
        return true;
    }

    private fetchPiece(at: number): Promise<void> {
        const known = this.asked.get(at);
        if (known) return known;
        const asked = this.query({ from: at * PIECE + 1, lines: PIECE }).then((page) => {
            this.take(page);
            this.problem.value = null;
        }, (why: unknown) => {
            if (!this.abort.signal.aborted) this.problem.value = why;
        }).finally(() => this.asked.delete(at));
        this.asked.set(at, asked);
        return asked;
    }

    /* Sees to it that lines [first, end) come; those far away may go. */
    async ensure(first: number, end: number): Promise<void> {
        const from = Math.floor(first / PIECE), to = Math.floor(Math.max(first, end - 1) / PIECE);
        const wanted: Promise<void>[] = [];
        for (let at = from; at <= to && at * PIECE < this.total.peek(); at++) {
            if (!this.whole(at)) wanted.push(this.fetchPiece(at));
        }
        await Promise.all(wanted);
        if (this.pieces.size <= PIECES_MAX) return;
        const far = [...this.pieces.keys()].sort((a, b) => Math.abs(b - from) - Math.abs(a - from));
        for (const at of far.slice(0, this.pieces.size - PIECES_MAX)) this.pieces.delete(at);
    }

    /* The index of a step's first line; -1: it has said nothing. */
    async firstOf(step: number): Promise<number> {
        const page = await this.query({ step, from: 1, lines: 1 });
        return page.lines[0] ? page.lines[0].line - 1 : -1;
    }

    search(text: string, exact: boolean, regex: boolean, skip: number, abort: AbortSignal): Promise<LogFound> {
        return get<LogFound>(`jobs/${this.job}/log/search`,
            { q: text, exact: String(exact), regex: String(regex), skip, max: 1000 }, abort);
    }

    /* The line after a group: where it ends, the next one begins, or the step is over. */
    async endOfGroup(index: number): Promise<number> {
        const step = this.line(index)?.step;
        for (let i = index + 1; i < this.total.peek(); i++) {
            if (!this.line(i)) await this.ensure(i, i + PIECE);
            const line = this.line(i);
            if (!line || line.step !== step || line.kind === 'group') return i;
            if (line.kind === 'endgroup') return i + 1;
        }
        return this.total.peek();
    }

    /* New lines as they come, until the job has ended or `close`. */
    async follow(): Promise<void> {
        this.following.value = true;
        while (!this.abort.signal.aborted && !await this.followOnce()) {
            await new Promise((done) => setTimeout(done, RETRY_MS));
        }
        this.following.value = false;
    }

    /* True when the log has ended. */
    private async followOnce(): Promise<boolean> {
        const lines = new Lines(), text = new TextDecoder(), encoder = new TextEncoder();
        try {
            const answer = await fetch(`/api/v1/jobs/${this.job}/log/follow?offset=${this.end}&line=${this.total.peek()}`,
                { signal: this.abort.signal, credentials: 'same-origin' });
            if (!answer.ok || !answer.body) throw new Problem(answer.status, 'The log cannot be followed', '');
            this.problem.value = null;
            const reader = answer.body.getReader();
            for (;;) {
                const { done, value } = await reader.read();
                if (done) return true;
                let next = this.total.peek() + 1;
                for (const record of lines.add(text.decode(value, { stream: true }))) {
                    this.end += encoder.encode(record).length + 1;
                    const line = parseRecord(record, next);
                    if (line) this.put(line);
                    next++;
                }
                this.total.value = next - 1;
                this.version.value++;
            }
        } catch (why) {
            if (!this.abort.signal.aborted) this.problem.value = why;
            return false;
        }
    }

    close(): void {
        this.abort.abort();
    }
}

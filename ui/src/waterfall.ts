/* When the jobs of a run waited and ran, and which of them decided how long it took. Pure; times in ms. */

export interface Span {
    id: number;
    needs: number[];
    queued: number; /* NaN: not yet */
    started: number;
    ended: number;
}

/* The critical path: from the job that ended last back through the need that ended last, each time. What made the run
 * as long as it is: to shorten any other job would not shorten the run. */
export function criticalPath(spans: Span[], now: number): number[] {
    const byId = new Map(spans.map((s) => [s.id, s]));
    const end = (s: Span) => (Number.isNaN(s.started) ? -Infinity : Number.isNaN(s.ended) ? now : s.ended);
    const last = (among: Span[]) =>
        among.reduce<Span | null>((best, s) => (end(s) > (best ? end(best) : -Infinity) ? s : best), null);
    const path: number[] = [];
    const seen = new Set<number>();
    let at = last(spans);
    while (at && !seen.has(at.id)) {
        path.unshift(at.id);
        seen.add(at.id);
        at = last(at.needs.map((id) => byId.get(id)).filter((s): s is Span => !!s));
    }
    return path;
}

/* Places for marks of an axis of `ms`: at most `most` of them, at round numbers. */
export function ticks(ms: number, most: number): number[] {
    const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5,
        72e5, 144e5, 288e5, 864e5];
    const step = steps.find((s) => ms / s <= most) ?? Math.ceil(ms / most / 864e5) * 864e5;
    const all: number[] = [];
    for (let t = 0; t <= ms; t += step) all.push(t);
    return all;
}

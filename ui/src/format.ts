/* Times and sizes for people. Pure. */

export function duration(ms: number): string {
    if (ms < 0) ms = 0;
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 10000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
    const s = Math.floor(ms / 1000);
    if (s < 60) return `${s} s`;
    const m = Math.floor(s / 60);
    if (m < 60) return `${m} min ${String(s % 60).padStart(2, '0')} s`;
    const h = Math.floor(m / 60);
    if (h < 48) return `${h} h ${String(m % 60).padStart(2, '0')} min`;
    return `${Math.floor(h / 24)} d ${h % 24} h`;
}

export function ago(then: number, now: number): string {
    const s = Math.max(0, Math.floor((now - then) / 1000));
    if (s < 5) return 'now';
    if (s < 60) return `${s} s ago`;
    if (s < 3600) return `${Math.floor(s / 60)} min ago`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
    if (s < 86400 * 14) return `${Math.floor(s / 86400)} d ago`;
    return new Date(then).toISOString().slice(0, 10);
}

export function count(n: number): string {
    return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

export function plural(n: number, one: string, many = `${one}s`): string {
    return `${count(n)} ${n === 1 ? one : many}`;
}

/* Events for people: `workflow_dispatch` is one of many words that only GitHub has. */
export function eventName(event: string | null): string {
    return event === 'workflow_dispatch' ? 'by hand' : (event ?? '').replace(/_/g, ' ');
}

export function time(text: string | null): number {
    return text ? Date.parse(text) : NaN;
}

export function clock(us: number): string {
    return new Date(us / 1000).toISOString().slice(11, 23);
}

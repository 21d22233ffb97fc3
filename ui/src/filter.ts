/* What is typed into the search field of the runs: words, and `branch:main` and the like. Pure. */

export interface RunFilter {
    q: string;
    branch: string;
    event: string;
    actor: string;
    workflow: string;
    sha: string;
}

const keys = ['branch', 'event', 'actor', 'workflow', 'sha'] as const;

export function parseFilter(text: string): RunFilter {
    const f: RunFilter = { q: '', branch: '', event: '', actor: '', workflow: '', sha: '' };
    const words: string[] = [];
    for (const m of text.matchAll(/(?:(\w+):)?(?:"([^"]*)"?|(\S+))/g)) {
        const key = keys.find((k) => k === m[1]);
        const word = m[2] ?? m[3] ?? '';
        if (key) f[key] = word;
        else words.push(m[1] ? `${m[1]}:${word}` : word);
    }
    f.q = words.join(' ');
    return f;
}

/* The text with another value for a key; empty takes it out. */
export function setFilter(text: string, key: typeof keys[number], to: string): string {
    const rest = text.replace(new RegExp(`(^|\\s)${key}:(?:"[^"]*"?|\\S+)`, 'g'), '').trim();
    if (!to) return rest;
    return `${rest} ${key}:${/\s/.test(to) ? `"${to}"` : to}`.trim();
}

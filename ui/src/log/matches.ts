/* Where a search matches in a text, as the server would find it: without case unless it is exact. Pure. */

export function matchRanges(text: string, query: string, exact: boolean, regex: boolean): [number, number][] {
    if (!query) return [];
    let pattern: RegExp;
    try {
        const source = regex ? query : query.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
        pattern = new RegExp(source, exact ? 'gu' : 'giu');
    } catch {
        return []; /* the server's language knows more; its lines are still the right ones */
    }
    const all: [number, number][] = [];
    for (const m of text.slice(0, 20000).matchAll(pattern)) {
        if (m[0]) all.push([m.index, m.index + m[0].length]);
        if (all.length >= 200) break;
    }
    return all;
}

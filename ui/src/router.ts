/* Where the page is. Links are ordinary; clicks on those of this page do not load it anew. */
import { signal } from '@preact/signals';

export interface Place {
    path: string;
    query: URLSearchParams;
    hash: string;
}

function here(): Place {
    return { path: location.pathname, query: new URLSearchParams(location.search), hash: location.hash };
}

export const place = signal<Place>(here());

export function go(to: string, replace = false): void {
    if (replace) history.replaceState(null, '', to);
    else history.pushState(null, '', to);
    const before = place.value.path;
    place.value = here();
    if (place.value.path !== before) {
        scrollTo(0, 0);
        document.getElementById('main')?.focus({ preventScroll: true });
    }
}

/* The place with other parameters; empty ones are left out. */
export function withQuery(changes: Record<string, string>): string {
    const query = new URLSearchParams(place.value.query);
    for (const [key, v] of Object.entries(changes)) {
        if (v) query.set(key, v);
        else query.delete(key);
    }
    const text = query.toString();
    return place.value.path + (text ? `?${text}` : '');
}

export function startRouter(): void {
    addEventListener('popstate', () => {
        place.value = here();
    });
    document.addEventListener('click', (e) => {
        if (e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
        const link = (e.target as Element).closest('a');
        if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
        if (/^\/(api|audit|hooks|agent)\//.test(link.pathname)) return;
        e.preventDefault();
        go(link.pathname + link.search + link.hash);
    });
}

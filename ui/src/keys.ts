/* Keys. Single letters work where nothing is being typed; `g` waits for a second letter. */
import { signal } from '@preact/signals';
import { go } from './router';

export const paletteOpen = signal(false);
export const helpOpen = signal(false);

export const places: { key: string; path: string; name: string }[] = [
    { key: 'r', path: '/', name: 'Runs' },
    { key: 'a', path: '/agents', name: 'Agents' },
    { key: 'u', path: '/audit', name: 'Audit' },
    { key: 'c', path: '/access', name: 'Access' },
    { key: 's', path: '/settings', name: 'Settings' },
];

/* Of the page that is shown: letter to what it does. */
export const pageKeys = signal<{ key: string; name: string; run: () => void }[]>([]);

function isTyping(target: EventTarget | null): boolean {
    return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function move(by: number): void {
    const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement as HTMLElement);
    const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))]!;
    next.focus();
    next.scrollIntoView({ block: 'nearest' });
}

function search(): void {
    const field = document.querySelector<HTMLInputElement>('[data-search]');
    field?.focus();
    field?.select();
}

let prefix = 0;

function onKey(e: KeyboardEvent): void {
    if ((e.metaKey || e.ctrlKey) && !e.altKey && e.key.toLowerCase() === 'k') {
        e.preventDefault();
        helpOpen.value = false;
        paletteOpen.value = !paletteOpen.value;
        return;
    }
    if (e.metaKey || e.ctrlKey || e.altKey || document.querySelector('dialog[open]')) return;
    if (isTyping(e.target)) {
        if (e.key === 'Escape') (e.target as HTMLElement).blur();
        return;
    }
    if (prefix && performance.now() - prefix < 1500) {
        prefix = 0;
        const to = places.find((p) => p.key === e.key);
        if (to) {
            e.preventDefault();
            go(to.path);
        }
        return;
    }
    prefix = 0;
    const own = pageKeys.value.find((k) => k.key === e.key);
    if (own) own.run();
    else if (e.key === 'g') prefix = performance.now();
    else if (e.key === '/') search();
    else if (e.key === 'j') move(1);
    else if (e.key === 'k') move(-1);
    else if (e.key === 'o') (document.activeElement as HTMLElement)?.click?.();
    else if (e.key === '?') helpOpen.value = true;
    else return;
    e.preventDefault();
}

export function startKeys(): void {
    addEventListener('keydown', onKey);
}

/* The frame around all pages. */
import type { ComponentChildren } from 'preact';
import { me } from './api';
import { helpOpen, paletteOpen, places } from './keys';
import { connection } from './live';
import { Icon } from './parts';
import { place } from './router';
import { chooseTheme, isDark } from './theme';

export function Mark() {
    return (
        <svg class="mark" width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
            <rect width="22" height="22" rx="5" class="mark-ground" />
            <path d="M4 15.5h14M5.5 12l3-5.5h5l3 5.5z" class="mark-line" />
        </svg>
    );
}

function ThemeButton() {
    const dark = isDark.value;
    return (
        <button type="button" class="plain square" aria-label={dark ? 'Use light colours' : 'Use dark colours'}
            title={dark ? 'Light' : 'Dark'} onClick={() => chooseTheme(dark ? 'light' : 'dark')}>
            <Icon name={dark ? 'sun' : 'moon'} />
        </button>
    );
}

export function isHere(path: string, at: string): boolean {
    return path === '/' ? at === '/' || at.startsWith('/runs') : at === path || at.startsWith(`${path}/`);
}

export function Shell({ children, wide }: { children: ComponentChildren; wide: boolean }) {
    return (
        <>
            <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus(); }}>To the content</a>
            <header class="top">
                <a class="brand" href="/"><Mark /><span>Slipway</span></a>
                <nav aria-label="Pages">
                    {places.map((p) => (
                        <a href={p.path} aria-current={isHere(p.path, place.value.path) ? 'page' : undefined} title={`g ${p.key}`}>{p.name}</a>
                    ))}
                </nav>
                <span class="grow" />
                {connection.value === 'lost' ? <span class="lost" role="status">Not live: connecting again</span> : null}
                <button type="button" class="go-to" onClick={() => { paletteOpen.value = true; }} aria-label="Commands">
                    <Icon name="search" /><span>Go to</span><kbd aria-hidden="true">⌘K</kbd></button>
                <ThemeButton />
                <button type="button" class="plain square keys-button" aria-label="Keys" title="Keys (?)" onClick={() => { helpOpen.value = true; }}>?</button>
                <a class="who cut-off" href="/access" title="Who you are">{me.value?.name}</a>
            </header>
            <main id="main" tabIndex={-1} class={wide ? 'wide' : ''}>{children}</main>
        </>
    );
}

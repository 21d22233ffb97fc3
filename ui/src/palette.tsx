/* The command palette (⌘K, Ctrl K) and the list of keys (?). */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { get } from './api';
import { helpOpen, pageKeys, paletteOpen, places } from './keys';
import { Dialog, Icon, StateShape } from './parts';
import { go } from './router';
import { lookOf } from './states';
import { chooseTheme } from './theme';
import type { Page, Run } from './types';

interface Command {
    name: string;
    note: string;
    run: () => void;
    of?: Run;
}

function commands(): Command[] {
    return [
        ...places.map((p) => ({ name: p.name, note: `g ${p.key}`, run: () => go(p.path) })),
        ...pageKeys.value.map((k) => ({ name: k.name, note: k.key, run: k.run })),
        { name: 'Failed runs', note: 'filter', run: () => go('/?state=failure') },
        { name: 'Running runs', note: 'filter', run: () => go('/?state=running') },
        { name: 'Dark', note: 'appearance', run: () => chooseTheme('dark') },
        { name: 'Light', note: 'appearance', run: () => chooseTheme('light') },
        { name: 'As the system has it', note: 'appearance', run: () => chooseTheme('system') },
        { name: 'Keys', note: '?', run: () => { helpOpen.value = true; } },
    ];
}

function useRuns(text: string): Run[] {
    const runs = useSignal<Run[]>([]);
    useEffect(() => {
        const abort = new AbortController();
        const timer = setTimeout(() => {
            get<Page<Run>>('runs', { q: text, limit: 8 }, abort.signal).then((p) => { runs.value = p.items; }, () => {});
        }, 120);
        return () => {
            clearTimeout(timer);
            abort.abort();
        };
    }, [text]);
    return runs.value;
}

function Palette() {
    const text = useSignal(''), at = useSignal(0);
    const field = useRef<HTMLInputElement>(null);
    const runs = useRuns(text.value.trim());
    const wanted = text.value.trim().toLowerCase();
    const found: Command[] = [
        ...commands().filter((c) => c.name.toLowerCase().includes(wanted)),
        ...runs.map((r) => ({
            name: `${r.name ?? r.workflow} #${r.number}`, note: `${r.repository} ${r.branch ?? ''}`, of: r,
            run: () => go(`/runs/${r.id}`),
        })),
    ];
    const close = () => { paletteOpen.value = false; };
    const choose = (c: Command | undefined) => {
        if (!c) return;
        close();
        c.run();
    };
    const here = Math.min(at.value, found.length - 1);
    useEffect(() => field.current?.focus(), []);
    useEffect(() => document.getElementById(`command-${here}`)?.scrollIntoView({ block: 'nearest' }), [here]);
    const onKey = (e: KeyboardEvent) => {
        if (e.key === 'ArrowDown') at.value = Math.min(found.length - 1, here + 1);
        else if (e.key === 'ArrowUp') at.value = Math.max(0, here - 1);
        else if (e.key === 'Enter') choose(found[here]);
        else return;
        e.preventDefault();
    };
    return (
        <Dialog label="Commands" onClose={close} kind="palette">
            <div class="field"><Icon name="search" />
                <input ref={field} type="text" role="combobox" aria-expanded="true" aria-controls="commands"
                    aria-activedescendant={found.length ? `command-${here}` : undefined} aria-label="Go to or do"
                    placeholder="Go to a page, find a run, do something" value={text.value} onKeyDown={onKey}
                    onInput={(e) => { text.value = e.currentTarget.value; at.value = 0; }} />
            </div>
            <ul id="commands" role="listbox" aria-label="Commands">
                {found.map((c, i) => (
                    <li id={`command-${i}`} role="option" aria-selected={i === here} onClick={() => choose(c)}
                        onMouseMove={() => { at.value = i; }}>
                        {c.of ? <StateShape look={lookOf(c.of)} title /> : <Icon name="right" />}
                        <span class="grow cut-off">{c.name}</span><span class="muted cut-off">{c.note}</span>
                    </li>
                ))}
            </ul>
            {found.length ? null : <p class="muted pad">Nothing has this name.</p>}
        </Dialog>
    );
}

function Help() {
    const close = () => { helpOpen.value = false; };
    const general: [string, string][] = [
        ['⌘K or Ctrl K', 'Commands'], ['/', 'Search'], ['j', 'Next row'], ['k', 'Row before'], ['Enter or o', 'Open the row'],
        ...places.map((p): [string, string] => [`g ${p.key}`, p.name]), ['?', 'These keys'], ['Esc', 'Close, or leave a field'],
    ];
    const rows: [string, string][] = [...general, ...pageKeys.value.map((k): [string, string] => [k.key, k.name])];
    return (
        <Dialog label="Keys" onClose={close} kind="help">
            <header><h2>Keys</h2><button type="button" class="plain" aria-label="Close" onClick={close}><Icon name="close" /></button></header>
            <dl>{rows.map(([key, name]) => <div><dt>{name}</dt><dd><kbd>{key}</kbd></dd></div>)}</dl>
        </Dialog>
    );
}

export function Overlays() {
    return <>{paletteOpen.value ? <Palette /> : null}{helpOpen.value ? <Help /> : null}</>;
}

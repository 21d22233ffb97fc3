/* A log: only the lines in view are in the document, all of one height. Search is the server's, over the whole log. */
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { parseAnsi, plainText, split, type Piece } from '../ansi';
import { addFold, type Fold, lineOfRow, removeFold, reveal, rowOfLine, rowsOf } from '../folds';
import { clock, count } from '../format';
import { pageKeys } from '../keys';
import { debounced } from '../load';
import { Empty, Icon, Loading, ProblemBox } from '../parts';
import { go, place } from '../router';
import type { LogFound, LogLine } from '../types';
import { heightOf, scrollTo, windowOf } from '../virtual';
import { matchRanges } from './matches';
import type { LogSource } from './source';

export const ROW = 20;
const AT_END_PX = 4;

/* What a kind is called for those who do not see its colour. */
const marks: Record<string, string> = { error: 'Error', warning: 'Warning', notice: 'Notice', debug: 'Debug' };

interface Search {
    text: string;
    exact: boolean;
    regex: boolean;
}

function look(p: Piece): { class: string; style?: Record<string, string> } {
    const style: Record<string, string> = {};
    const classes: string[] = [];
    if (p.fg.startsWith('#')) style.color = p.fg;
    else if (p.fg) classes.push(`fg-${p.fg}`);
    if (p.bg.startsWith('#')) style.backgroundColor = p.bg;
    else if (p.bg) classes.push(`bg-${p.bg}`);
    for (const name of ['bold', 'dim', 'italic', 'underline', 'strike', 'inverse'] as const) {
        if (p[name]) classes.push(name);
    }
    return Object.keys(style).length ? { class: classes.join(' '), style } : { class: classes.join(' ') };
}

function Text({ line, search }: { line: LogLine; search: Search }) {
    const pieces = parseAnsi(line.text);
    const marked = search.text
        ? split(pieces, matchRanges(plainText(line.text), search.text, search.exact, search.regex))
        : pieces.map((p) => ({ ...p, mark: false }));
    return (
        <>
            {marked.map((p) => {
                const own = look(p);
                if (p.mark) return <mark {...own}>{p.text}</mark>;
                return own.class || own.style ? <span {...own}>{p.text}</span> : p.text;
            })}
        </>
    );
}

function Row({ index, line, search, times, chosen, current, folded, onFold, onChoose }: {
    index: number; line: LogLine | undefined; search: Search; times: boolean; chosen: boolean; current: boolean;
    folded: boolean; onFold: () => void; onChoose: (e: MouseEvent) => void;
}) {
    const kind = line?.kind ?? 'plain', n = index + 1;
    return (
        <div class={`ln of-${kind}${chosen ? ' chosen' : ''}${current ? ' current' : ''}`} data-line={n}>
            <a class="no" href={`#L${n}`} onClick={onChoose} tabIndex={-1} aria-label={`Line ${n}`}>{n}</a>
            {times && line ? <span class="at">{clock(line.at_us)}</span> : null}
            {kind === 'group'
                ? <button type="button" class="plain twist" aria-expanded={!folded} onClick={onFold}>
                    <Icon name={folded ? 'right' : 'down'} />{line ? <Text line={line} search={search} /> : null}</button>
                : <span class="tx">
                    {marks[kind] ? <b class="kind">{marks[kind]}: </b> : null}
                    {kind === 'command' ? <b class="kind" aria-hidden="true">$ </b> : null}
                    {line ? <Text line={line} search={search} /> : <span class="pending">…</span>}
                </span>}
        </div>
    );
}

/* #L120 or #L120-L130, as indices [from, end). */
export function rangeOf(hash: string): [number, number] | null {
    const m = /^#L(\d+)(?:-L?(\d+))?$/.exec(hash);
    if (!m) return null;
    const a = Number(m[1]), b = Number(m[2] ?? m[1]);
    return a && b ? [Math.min(a, b) - 1, Math.max(a, b)] : null;
}

interface SearchState {
    search: Search;
    found: LogFound | null;
    at: number;
    busy: boolean;
    problem: unknown;
}

const NO_SEARCH: SearchState = { search: { text: '', exact: false, regex: false }, found: null, at: -1, busy: false, problem: null };

function useSearch(source: LogSource, show: (index: number) => void) {
    const s = useSignal<SearchState>(NO_SEARCH);
    const abort = useRef<AbortController>();
    const ask = (skip: number) => {
        abort.current?.abort();
        const mine = abort.current = new AbortController();
        const { text, exact, regex } = s.peek().search;
        if (!text) {
            s.value = { ...NO_SEARCH, search: s.peek().search };
            return;
        }
        s.value = { ...s.peek(), busy: true };
        source.search(text, exact, regex, skip, mine.signal).then((found) => {
            const before = skip ? s.peek().found : null;
            const all = before ? { ...found, matches: [...before.matches, ...found.matches] } : found;
            const at = all.matches.length > skip ? skip : -1;
            s.value = { ...s.peek(), found: all, at, busy: false, problem: null };
            if (at >= 0) show(all.matches[at]!.line - 1);
        }, (why: unknown) => {
            if (!mine.signal.aborted) s.value = { ...s.peek(), busy: false, problem: why, found: null, at: -1 };
        });
    };
    const soon = useMemo(() => debounced(150, () => ask(0)), [source]);
    const change = (to: Partial<Search>) => {
        s.value = { ...s.peek(), search: { ...s.peek().search, ...to } };
        soon();
    };
    const step = (by: number) => {
        const { found, at } = s.peek();
        if (!found?.matches.length) return;
        const here = found.matches.length;
        if (at + by >= here && here < found.total) {
            ask(here);
            return;
        }
        const next = (at + by + here) % here;
        s.value = { ...s.peek(), at: next };
        show(found.matches[next]!.line - 1);
    };
    useEffect(() => () => abort.current?.abort(), [source]);
    return { state: s, change, step };
}

function SearchBar({ s, change, step }: { s: SearchState; change: (to: Partial<Search>) => void; step: (by: number) => void }) {
    const { found, at, search } = s;
    const told = !search.text ? '' : s.problem ? (s.problem as Error).message : !found ? 'searching' : !found.total ? 'no match'
        : `${count(at + 1)} of ${count(found.total)}${found.complete ? '' : '+'}`;
    return (
        <div class="log-search" role="search">
            <div class="field grow"><Icon name="search" />
                <input type="search" data-search aria-label="Search this log" placeholder="Search the whole log" value={search.text}
                    onInput={(e) => change({ text: e.currentTarget.value })}
                    onKeyDown={(e) => {
                        if (e.key !== 'Enter') return;
                        e.preventDefault();
                        step(e.shiftKey ? -1 : 1);
                    }} />
                <kbd aria-hidden="true">/</kbd>
            </div>
            <span class="told num muted" role="status">{told}</span>
            <button type="button" class="square" aria-label="Match before" title="Match before (N)" disabled={!found?.total} onClick={() => step(-1)}><Icon name="up" /></button>
            <button type="button" class="square" aria-label="Next match" title="Next match (n)" disabled={!found?.total} onClick={() => step(1)}><Icon name="down" /></button>
            <button type="button" class="square" aria-pressed={search.exact} title="With upper and lower case" onClick={() => change({ exact: !search.exact })}>Aa</button>
            <button type="button" class="square" aria-pressed={search.regex} title="Regular expression" onClick={() => change({ regex: !search.regex })}>.*</button>
        </div>
    );
}

export function LogView({ source, live, onStep }: { source: LogSource; live: boolean; onStep: (step: number) => void }) {
    const box = useRef<HTMLDivElement>(null);
    const top = useSignal(0), view = useSignal(400), times = useSignal(false), pinned = useSignal(true);
    const folds = useSignal<readonly Fold[]>([]), target = useSignal<{ index: number; where: number } | null>(null);
    const rows = useComputed(() => rowsOf(folds.value, source.total.value));
    void source.version.value;

    const show = (index: number, where = 0.4) => {
        folds.value = reveal(folds.peek(), index);
        pinned.value = false;
        target.value = { index, where };
    };
    const { state, change, step } = useSearch(source, show);
    const toEnd = () => { pinned.value = true; target.value = null; };

    const range = rangeOf(place.value.hash);
    useEffect(() => { if (range) show(range[0]); }, [place.value.hash, source]);

    useEffect(() => {
        const el = box.current;
        if (!el) return;
        const seen = new ResizeObserver(() => { view.value = el.clientHeight; });
        seen.observe(el);
        view.value = el.clientHeight;
        return () => seen.disconnect();
    }, [source.ready.value]);

    /* After the list has its new height. */
    useLayoutEffect(() => {
        const el = box.current;
        if (!el) return;
        const t = target.value;
        if (t) {
            el.scrollTop = scrollTo(rowOfLine(folds.peek(), t.index), el.clientHeight, rows.value, ROW, t.where);
            target.value = null;
        } else if (pinned.value) {
            el.scrollTop = el.scrollHeight;
        }
        top.value = el.scrollTop;
    });

    const w = windowOf(top.value, view.value, rows.value, ROW);
    const lines: number[] = [];
    for (let row = w.first; row < w.end; row++) lines.push(lineOfRow(folds.value, row));
    const first = lines[0] ?? 0, end = (lines[lines.length - 1] ?? -1) + 1;
    const wanted = `${first}-${end}-${source.total.value}`;
    useEffect(() => {
        /* What is only scrolled past is not asked for. */
        const timer = setTimeout(() => void source.ensure(first, end), 40);
        return () => clearTimeout(timer);
    }, [wanted, source]);
    const topStep = source.line(lineOfRow(folds.value, Math.min(w.end - 1, w.first + 20)))?.step;
    useEffect(() => { if (topStep !== undefined) onStep(topStep); }, [topStep]);

    useEffect(() => {
        pageKeys.value = [
            { key: 'n', name: 'Next match', run: () => step(1) },
            { key: 'N', name: 'Match before', run: () => step(-1) },
            { key: 'G', name: 'To the end of the log', run: toEnd },
            { key: 't', name: 'Show or hide times', run: () => { times.value = !times.peek(); } },
        ];
        return () => { pageKeys.value = []; };
    }, [source]);

    const onScroll = () => {
        const el = box.current!;
        top.value = el.scrollTop;
        pinned.value = el.scrollTop + el.clientHeight >= el.scrollHeight - AT_END_PX;
    };
    const fold = async (index: number) => {
        pinned.value = false;
        const from = index + 1;
        if (folds.peek().some((f) => f[0] === from)) folds.value = removeFold(folds.peek(), from);
        else folds.value = addFold(folds.peek(), from, await source.endOfGroup(index));
    };
    const choose = (e: MouseEvent, index: number) => {
        e.preventDefault();
        e.stopPropagation();
        const from = range && e.shiftKey ? range[0] + 1 : index + 1;
        const to = index + 1;
        const hash = from === to ? `#L${to}` : `#L${Math.min(from, to)}-L${Math.max(from, to)}`;
        go(place.peek().path + (place.peek().query.size ? `?${place.peek().query}` : '') + hash, true);
    };
    const current = state.value.at >= 0 ? state.value.found?.matches[state.value.at]?.line : undefined;

    if (!source.ready.value) {
        return source.problem.value ? <ProblemBox why={source.problem.value} again={() => void source.open()} /> : <Loading />;
    }
    return (
        <div class="log">
            <div class="log-bar">
                <SearchBar s={state.value} change={change} step={step} />
                <button type="button" aria-pressed={times.value} title="Times (t)" onClick={() => { times.value = !times.value; }}><Icon name="clock" />Times</button>
                <a class="button" href={`/api/v1/jobs/${source.job}/log/text`} download={`job-${source.job}.log`}><Icon name="download" />Text</a>
            </div>
            {source.problem.value ? <ProblemBox why={source.problem.value} /> : null}
            {!source.total.value ? (
                <Empty title={live ? 'Nothing has been said yet' : 'This log is empty'}>
                    <p>{live ? 'Lines appear here as the job writes them.' : 'The job ended without having written a line.'}</p>
                </Empty>
            ) : (
                <div class="log-box" ref={box} onScroll={onScroll} tabIndex={0} role="region" aria-label="Log">
                    <div class="log-all" style={{ height: `${heightOf(rows.value, ROW)}px` }}>
                        <div class="log-rows" style={{ transform: `translateY(${w.top}px)` }}>
                            {lines.map((index) => (
                                <Row key={index} index={index} line={source.line(index)} search={state.value.search} times={times.value}
                                    chosen={!!range && index >= range[0] && index < range[1]} current={current === index + 1}
                                    folded={folds.value.some((f) => f[0] === index + 1)} onFold={() => void fold(index)}
                                    onChoose={(e) => choose(e, index)} />
                            ))}
                        </div>
                    </div>
                </div>
            )}
            <div class="log-foot muted">
                <span class="num">{count(source.total.value)} lines</span>
                {live ? <span role="status">{pinned.value ? 'Following the end' : 'Not following: you scrolled up'}</span> : null}
                <span class="grow" />
                {pinned.value ? null : <button type="button" onClick={toEnd}><Icon name="down" />{live ? 'Follow' : 'To the end'}</button>}
            </div>
        </div>
    );
}

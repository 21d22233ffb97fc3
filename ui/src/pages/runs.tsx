/* The runs, the newest first. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { get, may } from '../api';
import { eventName } from '../format';
import { parseFilter, setFilter } from '../filter';
import { listen } from '../live';
import { debounced, useLoad } from '../load';
import { Ago, Empty, Icon, Loading, ProblemBox, State, Took, useTitle } from '../parts';
import { go, place, withQuery } from '../router';
import { lookOf } from '../states';
import type { Page, Repository, Run } from '../types';

/* The choices of the state field, and what the API calls them. */
const choices: { word: string; name: string; state?: string; result?: string }[] = [
    { word: '', name: 'All' },
    { word: 'running', name: 'Running', state: 'running' },
    { word: 'queued', name: 'Queued', state: 'queued' },
    { word: 'waiting', name: 'Waiting', state: 'waiting' },
    { word: 'failure', name: 'Failed', result: 'failure' },
    { word: 'success', name: 'Succeeded', result: 'success' },
    { word: 'cancelled', name: 'Cancelled', result: 'cancelled' },
];

export function RunRow({ r }: { r: Run }) {
    const text = place.peek().query.get('q') ?? '';
    return (
        <li class="run-row">
            <State look={lookOf(r)} text={r.cancelling ? 'Cancelling' : undefined} />
            <div class="run-name">
                <a href={`/runs/${r.id}`} data-row class="cut-off strong">{r.name ?? r.workflow ?? `Run ${r.id}`}</a>
                <span class="muted cut-off">
                    {r.repository} · {r.workflow} #{r.number}{r.attempt > 1 ? ` · attempt ${r.attempt}` : ''}
                    {r.fork ? ' · from a fork' : ''}{r.state !== 'completed' && r.reason ? ` · ${r.reason}` : ''}
                </span>
            </div>
            <a class="chip cut-off" href={withQuery({ q: setFilter(text, 'branch', r.branch ?? '') })}
                title={`Only ${r.branch}`}><Icon name="branch" />{r.branch ?? '–'}</a>
            <span class="run-event muted cut-off">{eventName(r.event)}{r.actor ? ` · ${r.actor}` : ''}</span>
            <span class="run-took num"><Took x={r} /></span>
            <span class="run-when num muted"><Ago at={r.created_at} /></span>
        </li>
    );
}

function Filters({ repositories }: { repositories: Repository[] }) {
    const query = place.value.query;
    const typed = useSignal(query.get('q') ?? '');
    useEffect(() => { typed.value = query.get('q') ?? ''; }, [query.get('q')]);
    const apply = useRef(debounced(200, () => go(withQuery({ q: typed.peek().trim() }), true))).current;
    return (
        <form class="filters" role="search" onSubmit={(e) => e.preventDefault()}>
            <div class="field grow"><Icon name="search" />
                <input type="search" data-search aria-label="Search runs" placeholder="Search, or branch:main event:push actor:ada"
                    value={typed.value} onInput={(e) => { typed.value = e.currentTarget.value; apply(); }} />
                <kbd aria-hidden="true">/</kbd>
            </div>
            <select aria-label="State" value={query.get('state') ?? ''}
                onChange={(e) => go(withQuery({ state: e.currentTarget.value }))}>
                {choices.map((c) => <option value={c.word}>{c.name}</option>)}
            </select>
            {repositories.length > 1 ? (
                <select aria-label="Repository" value={query.get('repository') ?? ''}
                    onChange={(e) => go(withQuery({ repository: e.currentTarget.value }))}>
                    <option value="">All repositories</option>
                    {repositories.map((r) => <option value={r.id}>{r.name}</option>)}
                </select>
            ) : null}
        </form>
    );
}

function None({ filtered, repositories }: { filtered: boolean; repositories: Repository[] | null }) {
    if (filtered) {
        return <Empty title="No run matches"><p>Take something out of the search, or <a href="/">show all runs</a>.</p></Empty>;
    }
    if (repositories && !repositories.length) {
        return (
            <Empty title="No repository yet">
                <p>Runs start when something changes in a repository that this server knows.</p>
                {may('repositories.write') ? <p><a class="button primary" href="/settings#repositories">Add a repository</a></p> : null}
            </Empty>
        );
    }
    return (
        <Empty title="No run yet">
            <p>Push a commit to a repository with a workflow in <code>.github/workflows</code>, or start one by hand:</p>
            <p><a class="button primary" href="/settings#dispatch">Start a workflow</a></p>
        </Empty>
    );
}

export function RunsPage() {
    useTitle('Runs');
    const query = place.value.query, text = query.get('q') ?? '';
    const choice = choices.find((c) => c.word === (query.get('state') ?? '')) ?? choices[0]!;
    const wanted = {
        ...parseFilter(text), state: choice.state, result: choice.result,
        repository_id: query.get('repository') ?? undefined, limit: 50,
    };
    const { value, problem, again } = useLoad<Page<Run>>('runs', wanted);
    const repositories = useLoad<Page<Repository>>('repositories');
    const older = useSignal<Run[]>([]), next = useSignal<string | null | undefined>(undefined), failed = useSignal<unknown>(null);
    useEffect(() => {
        older.value = [];
        next.value = undefined;
    }, [JSON.stringify(wanted)]);
    useEffect(() => {
        const reread = debounced(250, again);
        return listen((what) => {
            if (what.name === 'reset') reread();
            if (what.name !== 'run') return;
            const page = value.peek(), run = what.data;
            const known = page?.items.some((r) => r.id === run.id);
            if (page && known) value.value = { ...page, items: page.items.map((r) => (r.id === run.id ? run : r)) };
            older.value = older.peek().map((r) => (r.id === run.id ? run : r));
            if (!known) reread();
        });
    }, []);
    const page = value.value;
    const cursor = next.value === undefined ? page?.next : next.value;
    const more = () => {
        get<Page<Run>>('runs', { ...wanted, cursor: cursor ?? undefined }).then((p) => {
            older.value = [...older.peek(), ...p.items];
            next.value = p.next ?? null;
        }, (why: unknown) => { failed.value = why; });
    };
    const shown = page ? [...page.items, ...older.value.filter((o) => !page.items.some((r) => r.id === o.id))] : [];
    const filtered = !!text || !!choice.word || !!query.get('repository');
    return (
        <>
            <header class="page-head"><h1>Runs</h1></header>
            <Filters repositories={repositories.value.value?.items ?? []} />
            {problem.value ? <ProblemBox why={problem.value} again={again} /> : null}
            {!page && !problem.value ? <Loading /> : null}
            {page && !shown.length ? <None filtered={filtered} repositories={repositories.value.value?.items ?? null} /> : null}
            {shown.length ? <ul class="rows" aria-label="Runs">{shown.map((r) => <RunRow key={r.id} r={r} />)}</ul> : null}
            {failed.value ? <ProblemBox why={failed.value} again={more} /> : null}
            {shown.length && cursor ? <p class="more"><button type="button" onClick={more}>Show older runs</button></p> : null}
        </>
    );
}

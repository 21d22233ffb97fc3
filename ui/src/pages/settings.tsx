/* Repositories, workflows started by hand, and how the page looks. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { change, may } from '../api';
import { useLoad } from '../load';
import { Ago, Empty, Loading, ProblemBox, useTitle } from '../parts';
import { go, place } from '../router';
import { chooseTheme, theme, type Theme } from '../theme';
import type { Page, Repository } from '../types';

const kinds: [string, string][] = [
    ['local', 'Local: a bare repository of this machine, with a hook'], ['polled', 'Polled: any URL that git clones'],
    ['github', 'GitHub: webhooks'], ['gitea', 'Gitea or Forgejo: webhooks'], ['gitlab', 'GitLab: webhooks'],
];

function field(form: HTMLFormElement, name: string): string {
    return String(new FormData(form).get(name) ?? '').trim();
}

function AddRepository({ added }: { added: () => void }) {
    const failed = useSignal<unknown>(null), kind = useSignal('local');
    const submit = (e: Event) => {
        e.preventDefault();
        const form = e.currentTarget as HTMLFormElement;
        const body = {
            name: field(form, 'name'), kind: kind.value, url: field(form, 'url'),
            default_branch: field(form, 'branch') || 'main',
        };
        change('POST', 'repositories', body).then(() => {
            failed.value = null;
            form.reset();
            added();
        }, (why: unknown) => { failed.value = why; });
    };
    return (
        <form class="form" onSubmit={submit}>
            <h3>Add a repository</h3>
            <label>Name<input name="name" required placeholder="owner/name" pattern="[^/]+/[^/]+" /></label>
            <label>How its changes become known
                <select value={kind.value} onChange={(e) => { kind.value = e.currentTarget.value; }}>
                    {kinds.map(([word, name]) => <option value={word}>{name}</option>)}
                </select>
            </label>
            <label>{kind.value === 'local' ? 'Folder on the server' : 'URL'}
                <input name="url" required placeholder={kind.value === 'local' ? '/srv/git/shop.git' : 'https://git.example.com/acme/shop.git'} /></label>
            <label>Default branch<input name="branch" placeholder="main" /></label>
            {failed.value ? <ProblemBox why={failed.value} /> : null}
            <div><button type="submit" class="primary">Add</button></div>
        </form>
    );
}

/* KEY=value lines. */
function inputsOf(text: string): Record<string, string> {
    const inputs: Record<string, string> = {};
    for (const line of text.split('\n')) {
        const at = line.indexOf('=');
        if (at > 0) inputs[line.slice(0, at).trim()] = line.slice(at + 1);
    }
    return inputs;
}

function Dispatch({ repositories }: { repositories: Repository[] }) {
    const failed = useSignal<unknown>(null);
    const submit = (e: Event) => {
        e.preventDefault();
        const form = e.currentTarget as HTMLFormElement;
        const ref = field(form, 'ref'), inputs = inputsOf(String(new FormData(form).get('inputs') ?? ''));
        const body = { workflow: field(form, 'workflow'), ...(ref ? { ref } : {}), ...(Object.keys(inputs).length ? { inputs } : {}) };
        change('POST', `repositories/${field(form, 'repository')}/dispatch`, body)
            .then(() => go('/'), (why: unknown) => { failed.value = why; });
    };
    return (
        <form class="form" onSubmit={submit}>
            <label>Repository<select name="repository">{repositories.map((r) => <option value={r.id}>{r.name}</option>)}</select></label>
            <label>Workflow<input name="workflow" required placeholder="ci.yml" /></label>
            <label>Branch or tag<input name="ref" placeholder="the default branch" /></label>
            <label>Inputs, one a line<textarea name="inputs" rows={3} placeholder="level=debug" /></label>
            {failed.value ? <ProblemBox why={failed.value} /> : null}
            <div><button type="submit" class="primary">Start</button></div>
        </form>
    );
}

const looks: [Theme, string][] = [['system', 'As the system has it'], ['light', 'Light'], ['dark', 'Dark']];

export function SettingsPage() {
    useTitle('Settings');
    const { value, problem, again } = useLoad<Page<Repository>>('repositories', { limit: 200 });
    const list = value.value?.items;
    useEffect(() => {
        if (list && place.value.hash) document.getElementById(place.value.hash.slice(1))?.scrollIntoView();
    }, [!list]);
    return (
        <>
            <header class="page-head"><h1>Settings</h1></header>
            {problem.value ? <ProblemBox why={problem.value} again={again} /> : null}
            <section class="card" id="repositories">
                <h2>Repositories</h2>
                {!list && !problem.value ? <Loading /> : null}
                {list && !list.length ? <Empty title="No repository yet"><p>Add the first one below.</p></Empty> : null}
                {list?.length ? (
                    <ul class="rows" aria-label="Repositories">
                        {list.map((r) => (
                            <li class="repo-row">
                                <a class="strong cut-off" href={`/?repository=${r.id}`} data-row>{r.name}</a>
                                <span class="tag">{r.kind}</span>
                                <code class="cut-off muted">{r.url}</code>
                                <span class="muted cut-off">{r.default_branch}</span>
                                <span class="muted run-when">{r.archived ? 'archived' : r.kind === 'polled' ? <>asked <Ago at={r.polled_at} /></> : ''}</span>
                            </li>
                        ))}
                    </ul>
                ) : null}
                {list && may('repositories.write') ? <AddRepository added={again} /> : null}
            </section>
            {list?.length && may('runs.write') ? (
                <section class="card" id="dispatch"><h2>Start a workflow</h2><Dispatch repositories={list} /></section>
            ) : null}
            <section class="card">
                <h2>Appearance</h2>
                <div class="choices" role="radiogroup" aria-label="Appearance">
                    {looks.map(([word, name]) => (
                        <label><input type="radio" name="theme" checked={theme.value === word} onChange={() => chooseTheme(word)} />{name}</label>
                    ))}
                </div>
            </section>
            <section class="card">
                <h2>Interface for programs</h2>
                <p>Everything here goes through the API that <code>slipway</code>'s verbs use, too:{' '}
                    <a href="/api/v1/openapi.json">its OpenAPI document</a>.</p>
                <p class="muted">These pages are made with others' work: <a href="/licences.txt" target="_blank">licences</a>.</p>
            </section>
        </>
    );
}

/* Accounts with their roles, requests for roles, and tokens. */
import { useSignal } from '@preact/signals';
import { change, may } from '../api';
import { useLoad } from '../load';
import { Ago, Confirm, Empty, Loading, ProblemBox } from '../parts';
import type { Access, Elevation, Page, Repository, Token, User } from '../types';

const roles = ['viewer', 'developer', 'approver', 'operator', 'administrator', 'auditor'];

/* What is shown once: a link or a token. */
function Once({ text, what }: { text: string; what: string }) {
    return (
        <div class="once" role="status">
            <p><strong>{what}</strong> It is not shown again.</p>
            <pre tabIndex={0}><code>{text}</code></pre>
        </div>
    );
}

function Invite({ done }: { done: () => void }) {
    const failed = useSignal<unknown>(null), link = useSignal('');
    const submit = (e: Event) => {
        e.preventDefault();
        const form = e.currentTarget as HTMLFormElement, given = new FormData(form);
        const email = String(given.get('email')).trim(), role = String(given.get('role'));
        const body = { name: String(given.get('name')).trim(), ...(email ? { email } : {}), ...(role ? { role } : {}) };
        change<{ link: string }>('POST', 'users', body).then((made) => {
            failed.value = null;
            link.value = made?.link ?? '';
            form.reset();
            done();
        }, (why: unknown) => { failed.value = why; });
    };
    return (
        <form class="form" onSubmit={submit}>
            <h3>Invite somebody</h3>
            <label>Name<input name="name" required maxLength={64} autocomplete="off" /></label>
            <label>Address<input name="email" type="email" placeholder="may be left out" autocomplete="off" /></label>
            <label>Role for the whole server
                <select name="role"><option value="">none</option>{roles.map((r) => <option>{r}</option>)}</select></label>
            {failed.value ? <ProblemBox why={failed.value} /> : null}
            {link.value ? <Once text={link.value} what="Send them this link; it holds for a day." /> : null}
            <div><button type="submit" class="primary">Invite</button></div>
        </form>
    );
}

function Person({ user, access, names, failed, told, again }: {
    user: User; access: Access[]; names: Map<number, string>; failed: (why: unknown) => void; told: (link: string) => void; again: () => void;
}) {
    const disabled = user.state !== 'active', asks = useSignal(false);
    const recover = () => change<{ link: string }>('POST', `users/${user.id}/recovery`).then((made) => told(made?.link ?? ''), failed);
    const set = (state: string) => void change('PATCH', `users/${user.id}`, { state }).then(again, failed);
    return (
        <li class="person-row">
            <div class="run-name">
                <span class="strong cut-off" tabIndex={-1} data-row>{user.name}{disabled ? <span class="tag">{user.state}</span> : null}
                    {user.has_password ? null : <span class="tag">invited</span>}</span>
                <span class="muted cut-off">{user.email ? `${user.email} · ` : ''}signed in <Ago at={user.seen_at} /></span>
            </div>
            <span class="labels">{access.map((a) => (
                <span class="tag">{a.role}{a.repository_id === null ? '' : ` of ${names.get(a.repository_id) ?? a.repository_id}`}
                    {a.expires_at ? ` until ${new Date(a.expires_at).toLocaleTimeString()}` : ''}</span>
            ))}</span>
            {may('access.write') ? (
                <span class="buttons">
                    <button type="button" onClick={() => void recover()}>New link</button>
                    {disabled ? <button type="button" onClick={() => set('active')}>Enable</button>
                        : <button type="button" onClick={() => { asks.value = true; }}>Disable</button>}
                </span>
            ) : <span />}
            {asks.value ? <Confirm title={`Disable ${user.name}?`} text="Their sessions and tokens no longer let them in. They can be enabled again."
                yes="Disable" onClose={() => { asks.value = false; }} onYes={() => set('disabled')} /> : null}
        </li>
    );
}

export function People() {
    const users = useLoad<Page<User>>('users', { limit: 200 }), access = useLoad<Page<Access>>('access', { limit: 200 });
    const repositories = useLoad<Page<Repository>>('repositories', { limit: 200 });
    const failed = useSignal<unknown>(null), link = useSignal('');
    const names = new Map((repositories.value.value?.items ?? []).map((r) => [r.id, r.name]));
    const list = users.value.value?.items;
    const problem = users.problem.value ?? access.problem.value ?? failed.value;
    const again = () => {
        users.again();
        access.again();
    };
    return (
        <section class="card">
            <h2>People</h2>
            {problem ? <ProblemBox why={problem} again={again} /> : null}
            {link.value ? <Once text={link.value} what="By this link a new password can be set." /> : null}
            {!list && !problem ? <Loading /> : null}
            {list?.length ? (
                <ul class="rows" aria-label="People">
                    {list.map((u) => <Person key={u.id} user={u} names={names} again={again} told={(text) => { link.value = text; }}
                        access={(access.value.value?.items ?? []).filter((a) => a.user.id === u.id)} failed={(why) => { failed.value = why; }} />)}
                </ul>
            ) : null}
            {may('access.write') ? <Invite done={again} /> : null}
        </section>
    );
}

export function Elevations() {
    const { value, problem, again } = useLoad<Page<Elevation>>('elevations');
    const failed = useSignal<unknown>(null);
    const list = value.value?.items;
    const decide = (x: Elevation, how: string) => void change('POST', `elevations/${x.id}/${how}`).then(again, (why) => { failed.value = why; });
    return (
        <section class="card">
            <h2>Requests for a role</h2>
            {problem.value ?? failed.value ? <ProblemBox why={problem.value ?? failed.value} again={again} /> : null}
            {list && !list.length ? <Empty title="Nobody asks for anything"><p>A role for a time: <code>slipway access request</code></p></Empty> : null}
            {list?.length ? (
                <ul class="rows" aria-label="Requests">
                    {list.map((x) => (
                        <li class="person-row">
                            <div class="run-name">
                                <span class="strong cut-off">{x.user_name}: {x.role} for {x.minutes} min</span>
                                <span class="muted cut-off">{x.reason} · <Ago at={x.created_at} /></span>
                            </div>
                            <span class="tag">{x.state}</span>
                            {x.state === 'requested' && may('access.write') ? (
                                <span class="buttons">
                                    <button type="button" onClick={() => decide(x, 'approve')}>Approve</button>
                                    <button type="button" onClick={() => decide(x, 'deny')}>Deny</button>
                                </span>
                            ) : <span />}
                        </li>
                    ))}
                </ul>
            ) : null}
        </section>
    );
}

export function Tokens({ mine }: { mine: string[] }) {
    const { value, problem, again } = useLoad<Page<Token>>('tokens');
    const failed = useSignal<unknown>(null), made = useSignal('');
    const list = value.value?.items;
    const submit = (e: Event) => {
        e.preventDefault();
        const form = e.currentTarget as HTMLFormElement, given = new FormData(form);
        const body = { name: String(given.get('name')).trim(), scopes: given.getAll('scope').map(String), days: Number(given.get('days')) };
        change<{ token: string }>('POST', 'tokens', body).then((answer) => {
            failed.value = null;
            made.value = answer?.token ?? '';
            form.reset();
            again();
        }, (why: unknown) => { failed.value = why; });
    };
    const remove = (t: Token) => void change('DELETE', `tokens/${t.id}`).then(again, (why) => { failed.value = why; });
    return (
        <section class="card">
            <h2>Your tokens</h2>
            {problem.value ? <ProblemBox why={problem.value} again={again} /> : null}
            {list?.length ? (
                <ul class="rows" aria-label="Tokens">
                    {list.map((t) => (
                        <li class="person-row">
                            <div class="run-name">
                                <span class="strong cut-off">{t.name}</span>
                                <span class="muted cut-off">used <Ago at={t.used_at} /> · ends {t.expires_at?.slice(0, 10)}</span>
                            </div>
                            <span class="labels">{t.scopes.map((s) => <span class="tag">{s}</span>)}</span>
                            <span class="buttons"><button type="button" onClick={() => remove(t)}>Revoke</button></span>
                        </li>
                    ))}
                </ul>
            ) : null}
            <form class="form" onSubmit={submit}>
                <h3>Make a token</h3>
                <label>What it is for<input name="name" required maxLength={100} /></label>
                <label>Ends after days<input name="days" type="number" min={1} max={365} value={90} required /></label>
                <fieldset><legend>What it may do</legend>
                    {mine.map((right) => <label><input type="checkbox" name="scope" value={right} /><code>{right}</code></label>)}
                </fieldset>
                {failed.value ? <ProblemBox why={failed.value} /> : null}
                {made.value ? <Once text={made.value} what="This is the token." /> : null}
                <div><button type="submit" class="primary">Make</button></div>
            </form>
        </section>
    );
}

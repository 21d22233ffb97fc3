/* The doors: signing in, and the first administrator. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { change, whoAmI } from '../api';
import { ProblemBox, useTitle } from '../parts';
import { go, place } from '../router';
import { Mark } from '../shell';

function Door({ title, lead, button, send, fresh }:
    { title: string; lead: string; button: string; send: (name: string, password: string) => Promise<unknown>; fresh: boolean }) {
    const failed = useSignal<unknown>(null), busy = useSignal(false);
    const first = useRef<HTMLInputElement>(null);
    useTitle(title);
    useEffect(() => first.current?.focus(), []);
    const submit = (e: Event) => {
        e.preventDefault();
        const given = new FormData(e.currentTarget as HTMLFormElement);
        busy.value = true;
        send(String(given.get('name')), String(given.get('password'))).then(whoAmI)
            .catch((why: unknown) => { failed.value = why; }).finally(() => { busy.value = false; });
    };
    return (
        <main id="main" class="door" tabIndex={-1}>
            <form class="form card" onSubmit={submit}>
                <p class="brand"><Mark />Slipway</p>
                <h1>{title}</h1>
                <p class="muted">{lead}</p>
                <label>Name<input ref={first} name="name" required autocomplete="username" autocapitalize="none" spellcheck={false} /></label>
                <label>Password<input name="password" type="password" required minLength={fresh ? 12 : 1}
                    autocomplete={fresh ? 'new-password' : 'current-password'} /></label>
                {fresh ? <p class="muted">At least 12 characters.</p> : null}
                {failed.value ? <ProblemBox why={failed.value} /> : null}
                <button type="submit" class="primary" disabled={busy.value}>{button}</button>
            </form>
        </main>
    );
}

export function LoginPage() {
    return <Door title="Sign in" lead="Forgotten it? An administrator can make you a link to choose a new one." button="Sign in" fresh={false}
        send={(name, password) => change('POST', 'session', { name, password })} />;
}

/* The token stands behind the #, so that it is in no log and no Referer; it leaves the address bar at once. */
export function SetupPage() {
    const token = useRef(place.peek().hash.slice(1));
    useEffect(() => history.replaceState(null, '', '/setup'), []);
    const send = async (name: string, password: string) => {
        await change('POST', 'setup', { token: token.current, name, password });
        go('/', true); /* signed in by it */
    };
    return <Door title="The first administrator" lead="The link that the server printed works once. This account may do everything." fresh
        button="Create the account" send={send} />;
}

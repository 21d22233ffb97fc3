/* Who you are here, what you may do, and who else may. */
import { useSignal } from '@preact/signals';
import { change, may, me, whoAmI } from '../api';
import { stopListening } from '../live';
import { Empty, ProblemBox, StateShape, useTitle } from '../parts';
import { go } from '../router';
import { Elevations, People, Tokens } from './people';

const meanings: [string, string][] = [
    ['runs.read', 'See runs and their jobs'], ['logs.read', 'Read logs'], ['runs.write', 'Cancel, re-run and start runs'],
    ['runs.approve', 'Let runs of forks start'], ['repositories.read', 'See repositories'], ['repositories.write', 'Add and change repositories'],
    ['agents.read', 'See agents'], ['agents.write', 'Add, drain and remove agents'], ['secrets.read', 'See the names of secrets'],
    ['secrets.write', 'Set secrets'], ['access.read', 'See who may do what'], ['access.write', 'Change who may do what'],
    ['audit.read', 'Read the audit log'], ['settings.read', 'See settings'], ['settings.write', 'Change settings'],
];

export async function signOut(): Promise<void> {
    await change('DELETE', 'session');
    me.value = null;
    stopListening();
    go('/');
    await whoAmI();
}

export function AccessPage() {
    useTitle('Access');
    const failed = useSignal<unknown>(null);
    const who = me.value;
    if (!who) return null;
    const mine = [...new Set(who.rights?.flatMap((part) => part.rights))];
    const isOwner = !who.rights || who.through === 'socket';
    return (
        <>
            <header class="page-head"><h1>Access</h1><span class="grow" />
                {who.csrf ? <button type="button" onClick={() => signOut().catch((why) => { failed.value = why; })}>Sign out</button> : null}</header>
            {failed.value ? <ProblemBox why={failed.value} /> : null}
            <section class="card">
                <h2>You are {who.name}</h2>
                {!isOwner ? (
                    <ul class="rights">
                        {meanings.map(([right, text]) => {
                            const has = mine.includes(right);
                            return (
                                <li><StateShape look={has ? 'success' : 'skipped'} /><span class="grow">{text}</span>
                                    <code class="muted">{right}</code><span class="has">{has ? 'yes' : 'no'}</span></li>
                            );
                        })}
                    </ul>
                ) : (
                    <Empty title="You have all rights">
                        <p>You came through the socket in the server's data folder: who can open it owns the server.</p>
                    </Empty>
                )}
            </section>
            {who.rights && may('access.read') ? <People /> : null}
            {who.rights ? <Elevations /> : null}
            {who.csrf ? <Tokens mine={mine} /> : null}
        </>
    );
}

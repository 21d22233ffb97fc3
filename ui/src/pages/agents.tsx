/* The machines that run jobs. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { change, may } from '../api';
import { listen } from '../live';
import { debounced, useLoad } from '../load';
import { Ago, Confirm, Empty, Loading, ProblemBox, StateShape, useTitle } from '../parts';
import type { Look } from '../states';
import type { Agent, Page } from '../types';

const looks: Record<string, Look> = { online: 'success', offline: 'cancelled', draining: 'waiting', removed: 'skipped' };

function AgentRow({ a, failed }: { a: Agent; failed: (why: unknown) => void }) {
    const asks = useSignal(false);
    const slots = Array.from({ length: Math.min(a.capacity, 16) }, (_, i) => i < a.running);
    return (
        <li class="agent-row">
            <span class="state-word"><StateShape look={looks[a.state] ?? 'queued'} />{a.state}</span>
            <div class="run-name">
                <span class="cut-off strong" tabIndex={-1} data-row>{a.name}{a.embedded ? <span class="tag">this server</span> : null}{a.ephemeral ? <span class="tag">one job</span> : null}</span>
                <span class="muted cut-off">{[a.system, a.version && `Slipway ${a.version}`, a.address].filter(Boolean).join(' · ') || 'has not connected yet'}</span>
            </div>
            <span class="labels">{a.labels?.map((l) => <span class="tag">{l}</span>)}</span>
            <span class="slots" title={`${a.running} of ${a.capacity} jobs`}>
                <span class="num">{a.running} / {a.capacity}</span>
                <span aria-hidden="true">{slots.map((used) => <i class={used ? 'used' : ''} />)}</span>
            </span>
            <span class="muted num run-when"><Ago at={a.seen_at} /></span>
            {may('agents.write') && !a.embedded ? (
                <span class="buttons">
                    {a.state === 'draining' ? null : <button type="button" onClick={() => change('POST', `agents/${a.id}/drain`).catch(failed)}>Drain</button>}
                    <button type="button" onClick={() => { asks.value = true; }}>Remove</button>
                </span>
            ) : <span />}
            {asks.value ? <Confirm title={`Remove ${a.name}?`} text="Its certificate no longer holds, and what it runs now is lost. To let it finish, drain it first."
                yes="Remove the agent" onClose={() => { asks.value = false; }} onYes={() => void change('DELETE', `agents/${a.id}`).catch(failed)} /> : null}
        </li>
    );
}

export function AgentsPage() {
    useTitle('Agents');
    const { value, problem, again } = useLoad<Page<Agent>>('agents');
    const failed = useSignal<unknown>(null);
    useEffect(() => {
        const reread = debounced(300, again);
        return listen((what) => { if (what.name === 'agent' || what.name === 'reset' || what.name === 'job') reread(); });
    }, []);
    const agents = value.value?.items;
    return (
        <>
            <header class="page-head"><h1>Agents</h1></header>
            {problem.value ? <ProblemBox why={problem.value} again={again} /> : null}
            {failed.value ? <ProblemBox why={failed.value} /> : null}
            {!agents && !problem.value ? <Loading /> : null}
            {agents?.length ? <ul class="rows" aria-label="Agents">{agents.map((a) => <AgentRow key={a.id} a={a} failed={(why) => { failed.value = why; }} />)}</ul> : null}
            {agents && !agents.some((a) => !a.embedded) ? (
                <Empty title="Only this server runs jobs">
                    <p>On another machine, with a token that can be used once:</p>
                    <pre tabIndex={0}><code>slipway agent --server {location.origin} --token TOKEN</code></pre>
                </Empty>
            ) : null}
        </>
    );
}

/* The audit log, the newest entries first, read from its tiles. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Problem } from '../api';
import { count } from '../format';
import { Ago, Empty, Loading, ProblemBox, useTitle } from '../parts';
import { type AuditEntry, checkpointSize, entriesPath, parseEntries } from '../tiles';

async function read(path: string): Promise<Response> {
    const answer = await fetch(path, { credentials: 'same-origin' });
    if (answer.ok) return answer;
    throw new Problem(answer.status, 'The audit log cannot be read', answer.status === 403 || answer.status === 401
        ? 'It needs the right audit.read.' : await answer.text());
}

function subject(e: AuditEntry): string {
    const s = e.subject;
    return s ? `${s.kind} ${s.name ?? s.id ?? ''}`.trim() : '';
}

function Entry({ e }: { e: AuditEntry }) {
    return (
        <li>
            <details class="audit-row">
                <summary data-row>
                    <span class="num muted audit-no">{count(e.index)}</span>
                    <span class="strong audit-action">{e.action}</span>
                    <span class="cut-off audit-subject">{subject(e)}</span>
                    <span class="cut-off audit-actor">{e.actor.name ?? e.actor.kind}</span>
                    <span class="muted cut-off audit-project">{e.project ?? ''}</span>
                    <span class="muted num audit-when"><Ago at={e.time} /></span>
                </summary>
                <pre tabIndex={0}><code>{JSON.stringify({ ...e, index: undefined }, null, 2)}</code></pre>
            </details>
        </li>
    );
}

export function AuditPage() {
    useTitle('Audit');
    const entries = useSignal<AuditEntry[] | null>(null), size = useSignal(0), tile = useSignal(-1);
    const problem = useSignal<unknown>(null);
    const load = async (n: number, of: number) => {
        if (n < 0) {
            entries.value = entries.peek() ?? [];
            return;
        }
        const answer = await read(entriesPath(n, of));
        const more = parseEntries(new Uint8Array(await answer.arrayBuffer()), n * 256).reverse();
        entries.value = [...entries.peek() ?? [], ...more];
        tile.value = n - 1;
    };
    const start = async () => {
        try {
            problem.value = null;
            size.value = checkpointSize(await (await read('/audit/checkpoint')).text());
            await load(Math.ceil(size.value / 256) - 1, size.value);
            if ((entries.peek()?.length ?? 0) < 50) await load(tile.peek(), size.value);
        } catch (why) {
            problem.value = why;
        }
    };
    useEffect(() => void start(), []);
    return (
        <>
            <header class="page-head"><h1>Audit</h1>{size.value ? <span class="muted num">{count(size.value)} entries</span> : null}
                <span class="grow" />
                <a class="button" href="/audit/checkpoint" download="checkpoint">Checkpoint</a>
            </header>
            <p class="muted lead">Every change of state, in a log that cannot be changed unseen. Whether it holds anybody can check:
                {' '}<code>slipway audit verify {location.origin}/audit</code></p>
            {problem.value ? <ProblemBox why={problem.value} again={() => void start()} /> : null}
            {!entries.value && !problem.value ? <Loading /> : null}
            {entries.value && !entries.value.length ? <Empty title="Nothing has changed yet"><p>The first change writes the first entry.</p></Empty> : null}
            {entries.value?.length ? <ul class="rows" aria-label="Entries">{entries.value.map((e) => <Entry key={e.index} e={e} />)}</ul> : null}
            {tile.value >= 0 ? <p class="more"><button type="button" onClick={() => load(tile.value, size.value).catch((why) => { problem.value = why; })}>Show older entries</button></p> : null}
        </>
    );
}

/* What happens, as the server tells it (server-sent events). One stream for the page, whatever it shows. */
import { signal } from '@preact/signals';
import type { Agent, Job, Run, Step } from './types';

export type Happening =
    | { name: 'run'; data: Run }
    | { name: 'job'; data: Job }
    | { name: 'step'; data: Step & { job_id: number } }
    | { name: 'agent'; data: Agent }
    | { name: 'reset' };

type Listener = (what: Happening) => void;

const listeners = new Set<Listener>();
let source: EventSource | null = null;
let waiting: ReturnType<typeof setTimeout> | undefined;
let delay = 1000;

export const connection = signal<'off' | 'live' | 'lost'>('off');

function tell(what: Happening): void {
    for (const one of [...listeners]) one(what);
}

function open(): void {
    source = new EventSource('/api/v1/events');
    let wasLost = connection.value === 'lost';
    source.onopen = () => {
        connection.value = 'live';
        delay = 1000;
        /* What a new stream has missed is not known: what is shown is read again. */
        if (wasLost) tell({ name: 'reset' });
        wasLost = false;
    };
    source.onerror = () => {
        wasLost = true;
        if (connection.value === 'live') connection.value = 'lost';
        if (source?.readyState !== EventSource.CLOSED) return; /* it comes again by itself */
        connection.value = 'lost';
        waiting = setTimeout(open, delay);
        delay = Math.min(delay * 2, 30000);
    };
    for (const name of ['run', 'job', 'step', 'agent'] as const) {
        source.addEventListener(name, (e) => {
            tell({ name, data: JSON.parse((e as MessageEvent<string>).data) } as Happening);
        });
    }
    source.addEventListener('reset', () => tell({ name: 'reset' }));
}

/* Called with everything that happens until the answer is called. */
export function listen(how: Listener): () => void {
    listeners.add(how);
    if (!source) open();
    return () => {
        listeners.delete(how);
    };
}

export function stopListening(): void {
    clearTimeout(waiting);
    source?.close();
    source = null;
    connection.value = 'off';
}

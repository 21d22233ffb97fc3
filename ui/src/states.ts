/* One word for where something is and how it ended; it chooses icon, text and colour. Pure. */

export type Look = 'success' | 'failure' | 'cancelled' | 'skipped' | 'running' | 'queued' | 'waiting';

export const words: Record<Look, string> = {
    success: 'Succeeded',
    failure: 'Failed',
    cancelled: 'Cancelled',
    skipped: 'Skipped',
    running: 'Running',
    queued: 'Queued',
    waiting: 'Waiting',
};

export function lookOf(x: { state: string | null; result?: string | null; conclusion?: string | null }): Look {
    const end = x.result ?? x.conclusion;
    if (x.state === 'completed' && end && end in words) return end as Look;
    if (x.state === 'running' || x.state === 'assigned') return 'running';
    if (x.state === 'waiting') return 'waiting';
    if (x.state === 'completed') return 'skipped';
    return 'queued';
}

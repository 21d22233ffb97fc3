/* Requests to the server. What changes something carries the session's CSRF token. */
import { signal } from '@preact/signals';
import type { Me } from './types';

/* A failure as it is shown: the problem document of the server (RFC 9457), or what kept us from it. */
export class Problem extends Error {
    constructor(
        readonly status: number,
        readonly title: string,
        readonly detail: string,
        readonly fields: { detail: string; pointer?: string; parameter?: string }[] = [],
        readonly instance = '',
    ) {
        super(detail || title);
    }
}

/* Null: not known yet. */
export const me = signal<Me | null>(null);
export const signedOut = signal(false);

/* Whether something may be offered. Where the server tells no rights, it is offered, and the server decides. */
export function may(right: string): boolean {
    const rights = me.value?.rights;
    return !rights || rights.some((part) => part.rights.includes(right));
}

async function problemOf(answer: Response): Promise<Problem> {
    try {
        const body = await answer.json();
        return new Problem(answer.status, body.title ?? answer.statusText, body.detail ?? '', body.errors ?? [],
            body.instance ?? '');
    } catch {
        return new Problem(answer.status, answer.statusText || `status ${answer.status}`,
            'The answer was not the server\'s own: something between may have changed it.');
    }
}

async function send(method: string, path: string, body?: unknown, abort?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'application/json, application/problem+json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (method !== 'GET' && me.value?.csrf) headers['X-CSRF-Token'] = me.value.csrf;
    let answer: Response;
    try {
        answer = await fetch(path, {
            method, headers, signal: abort ?? null, credentials: 'same-origin',
            body: body === undefined ? null : JSON.stringify(body),
        });
    } catch (why) {
        if ((why as Error).name === 'AbortError') throw why;
        throw new Problem(0, 'The server cannot be reached', 'Check that it runs and that the network is there; this page tries again.');
    }
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    if (answer.status === 401 && !path.endsWith('/session')) signedOut.value = true;
    throw problem;
}

export async function get<T>(path: string, query: Record<string, string | number | undefined> = {},
    abort?: AbortSignal): Promise<T> {
    const given = new URLSearchParams();
    for (const [key, v] of Object.entries(query)) {
        if (v !== undefined && v !== '') given.set(key, String(v));
    }
    const text = given.toString();
    const answer = await send('GET', `/api/v1/${path}${text ? `?${text}` : ''}`, undefined, abort);
    return answer.json() as Promise<T>;
}

/* The answer of a change, or null where there is none. */
export async function change<T = unknown>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T | null> {
    const answer = await send(method, `/api/v1/${path}`, body);
    const text = await answer.text();
    return text ? JSON.parse(text) as T : null;
}

/* Asks who we are. A server that has no accounts (its socket) has nobody to sign in: all is allowed. */
export async function whoAmI(): Promise<void> {
    try {
        me.value = await get<Me>('me');
        signedOut.value = false;
    } catch (why) {
        if (why instanceof Problem && why.status === 404) {
            me.value = { name: 'owner' };
            signedOut.value = false;
        } else if (!(why instanceof Problem && why.status === 401)) {
            throw why;
        }
    }
}

/* What a page shows, from the server: read once, and again when asked. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get } from './api';

export interface Loaded<T> {
    value: Signal<T | null>;
    problem: Signal<unknown>;
    again: () => void;
}

/* `path` null: not yet. What was shown stays until the new is there. */
export function useLoad<T>(path: string | null, query: Record<string, string | number | undefined> = {}): Loaded<T> {
    const value = useSignal<T | null>(null), problem = useSignal<unknown>(null), asked = useSignal(0);
    const key = JSON.stringify([path, query]);
    const round = asked.value;
    useEffect(() => {
        value.value = null;
    }, [path]);
    useEffect(() => {
        if (path === null) return;
        const abort = new AbortController();
        let retry: ReturnType<typeof setTimeout> | undefined;
        get<T>(path, query, abort.signal).then((v) => {
            value.value = v;
            problem.value = null;
        }, (why: unknown) => {
            if (abort.signal.aborted) return;
            problem.value = why;
            if ((why as { status?: number }).status === 0) retry = setTimeout(() => asked.value++, 3000);
        });
        return () => {
            abort.abort();
            clearTimeout(retry);
        };
    }, [key, round]);
    return { value, problem, again: () => { asked.value = asked.peek() + 1; } };
}

/* Calls that come close together as one. */
export function debounced(ms: number, f: () => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    return () => {
        clearTimeout(timer);
        timer = setTimeout(f, ms);
    };
}

/* Small parts that all pages are made of. */
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Problem } from './api';
import { ago, duration, time } from './format';
import { type Look, words } from './states';

/* The time, once a second while the page is looked at. */
export const now = signal(Date.now());
setInterval(() => {
    if (!document.hidden) now.value = Date.now();
}, 1000);
document.addEventListener('visibilitychange', () => {
    now.value = Date.now();
});

/* Shapes differ, not only colours. */
const shapes: Record<Look, ComponentChildren> = {
    success: <><circle cx="8" cy="8" r="7" class="fill" /><path d="M4.8 8.3l2.2 2.2 4.3-4.7" class="cut" /></>,
    failure: <><path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z" class="fill" /><path d="M5.5 5.5l5 5m0-5l-5 5" class="cut" /></>,
    cancelled: <><circle cx="8" cy="8" r="6.2" class="line" /><path d="M3.8 12.2l8.4-8.4" class="line" /></>,
    skipped: <><circle cx="8" cy="8" r="6.2" class="line" /><path d="M5 8h6" class="line" /></>,
    running: <><circle cx="8" cy="8" r="6.2" class="track" /><path d="M8 1.8a6.2 6.2 0 0 1 6.2 6.2" class="line turns" /></>,
    queued: <><circle cx="8" cy="8" r="6.2" class="line dashed" /><circle cx="8" cy="8" r="2" class="fill" /></>,
    waiting: <><circle cx="8" cy="8" r="6.2" class="line" /><path d="M8 4.6V8l2.4 1.6" class="line" /></>,
};

export function StateShape({ look, size = 16, title }: { look: Look; size?: number; title?: boolean }) {
    return (
        <svg class={`state ${look}`} width={size} height={size} viewBox="0 0 16 16" role={title ? 'img' : undefined}
            aria-label={title ? words[look] : undefined} aria-hidden={title ? undefined : 'true'}>
            {shapes[look]}
        </svg>
    );
}

export function State({ look, text }: { look: Look; text?: string }) {
    return <span class={`state-word ${look}`}><StateShape look={look} />{text ?? words[look]}</span>;
}

const icons = {
    branch: 'M5 3.5v9M5 9c0-2.5 6-1.5 6-4.5M5 3.5a1.2 1.2 0 1 1 0-.01M11 4.2a1.2 1.2 0 1 1 0-.01M5 12.7a1.2 1.2 0 1 1 0-.01',
    commit: 'M1.5 8h4m5 0h4M8 5.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5',
    search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M10.4 10.4l3.4 3.4',
    down: 'M4 6l4 4 4-4',
    right: 'M6 4l4 4-4 4',
    up: 'M4 10l4-4 4 4',
    again: 'M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3',
    stop: 'M4 4h8v8H4z',
    check: 'M3.5 8.5l3 3 6-7',
    close: 'M4 4l8 8m0-8l-8 8',
    sun: 'M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9L13 13M13 3l-1.1 1.1M4.1 11.9L3 13',
    moon: 'M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z',
    screen: 'M2 3h12v8H2zM6 14h4M8 11v3',
    link: 'M6.5 9.5l3-3M7 4.5l1.2-1.2a2.8 2.8 0 0 1 4 4L11 8.5M9 11.5l-1.2 1.2a2.8 2.8 0 0 1-4-4L5 7.5',
    download: 'M8 2v8M4.5 7L8 10.5 11.5 7M3 13.5h10',
    clock: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M8 5v3.2l2 1.3',
};

export type IconName = keyof typeof icons;

export function Icon({ name }: { name: IconName }) {
    return <svg class="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><path d={icons[name]} /></svg>;
}

export function Ago({ at }: { at: string | null }) {
    if (!at) return <span class="muted">never</span>;
    return <time dateTime={at} title={new Date(at).toLocaleString()}>{ago(time(at), now.value)}</time>;
}

/* How long something took, or has taken until now. */
export function Took({ x }: { x: { started_at: string | null; ended_at: string | null } }) {
    const from = time(x.started_at), to = x.ended_at ? time(x.ended_at) : now.value;
    return <span class="took">{Number.isNaN(from) ? '–' : duration(to - from)}</span>;
}

const hints: Record<number, string> = {
    401: 'Sign in and try again.',
    403: 'Ask an administrator of this server for the right.',
    404: 'It may have been removed, or you may not see it.',
    409: 'Read the page again: somebody else was faster.',
    412: 'Read the page again: somebody else was faster.',
    429: 'Wait a little and try again.',
    500: 'The server\'s log tells the cause.',
    503: 'The server is busy; try again in a moment.',
};

export function ProblemBox({ why, again }: { why: unknown; again?: () => void }) {
    const p = why instanceof Problem ? why : new Problem(0, 'This page failed', String(why));
    return (
        <div class="problem" role="alert">
            <StateShape look="failure" />
            <div>
                <strong>{p.title}</strong>
                {p.detail && p.detail !== p.title ? <p>{p.detail}</p> : null}
                {p.fields.length ? <ul>{p.fields.map((f) => <li>{f.pointer ?? f.parameter ?? ''} {f.detail}</li>)}</ul> : null}
                {hints[p.status] ? <p class="muted">{hints[p.status]}</p> : null}
            </div>
            {again ? <button type="button" onClick={again}>Try again</button> : null}
        </div>
    );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
    return <div class="empty"><h2>{title}</h2>{children}</div>;
}

export function Loading() {
    return <p class="loading" role="status">Loading…</p>;
}

/* The page's title, in the tab as well. */
export function useTitle(text: string): void {
    useEffect(() => {
        document.title = text ? `${text} · Slipway` : 'Slipway';
    }, [text]);
}

/* A dialog of the browser's own, which keeps the focus inside and gives it back. */
export function Dialog({ label, onClose, children, kind = '' }:
    { label: string; onClose: () => void; children: ComponentChildren; kind?: string }) {
    const at = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        const d = at.current!;
        d.showModal();
        return () => d.close();
    }, []);
    return (
        <dialog ref={at} class={kind} aria-label={label} onClose={onClose}
            onClick={(e) => { if (e.target === at.current) onClose(); }}>
            {children}
        </dialog>
    );
}

export function Confirm({ title, text, yes, onYes, onClose }:
    { title: string; text: string; yes: string; onYes: () => void; onClose: () => void }) {
    return (
        <Dialog label={title} onClose={onClose} kind="confirm">
            <h2>{title}</h2>
            <p>{text}</p>
            <div class="buttons">
                <button type="button" onClick={onClose}>Back</button>
                <button type="button" class="danger" onClick={() => { onYes(); onClose(); }}>{yes}</button>
            </div>
        </Dialog>
    );
}

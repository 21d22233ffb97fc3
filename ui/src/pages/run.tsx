/* One run: its jobs as graph and over time, what steps said of files, and what they wrote for people. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { change, may } from '../api';
import { eventName, plural } from '../format';
import { pageKeys } from '../keys';
import { listen } from '../live';
import { debounced, useLoad } from '../load';
import { Markdown } from '../markdown';
import { Ago, Confirm, Empty, Icon, Loading, ProblemBox, State, StateShape, Took, useTitle } from '../parts';
import { go, place, withQuery } from '../router';
import { lookOf } from '../states';
import type { Annotation, Job, JobDetails, Page, Run, RunDetails } from '../types';
import { Graph } from './graph';
import { Waterfall } from './waterfall';

function Actions({ run, failed }: { run: Run; failed: (why: unknown) => void }) {
    const asks = useSignal(false);
    const does = (path: string, body?: unknown) => change('POST', `runs/${run.id}/${path}`, body).catch(failed);
    const ended = run.state === 'completed';
    const rerun = () => does('rerun', { jobs: 'all' });
    useEffect(() => {
        pageKeys.value = ended && may('runs.write') ? [{ key: 'r', name: 'Run all jobs again', run: () => void rerun() }] : [];
        return () => { pageKeys.value = []; };
    }, [ended, run.id]);
    if (!may('runs.write')) return null;
    return (
        <div class="buttons">
            {run.state === 'waiting' && may('runs.approve')
                ? <button type="button" class="primary" onClick={() => does('approve')}><Icon name="check" />Let it start</button> : null}
            {ended && run.result !== 'success'
                ? <button type="button" class="primary" onClick={() => does('rerun', { jobs: 'failed' })}><Icon name="again" />Re-run failed jobs</button> : null}
            {ended ? <button type="button" onClick={rerun}><Icon name="again" />Re-run all</button>
                : <button type="button" disabled={run.cancelling} onClick={() => { asks.value = true; }}>
                    <Icon name="stop" />{run.cancelling ? 'Cancelling' : 'Cancel'}</button>}
            {asks.value ? <Confirm title="Cancel this run?" yes="Cancel the run" onClose={() => { asks.value = false; }}
                text="Jobs that run are stopped; those that wait do not start. It can be run again later."
                onYes={() => void does('cancel')} /> : null}
        </div>
    );
}

function Attempts({ run, shown }: { run: Run; shown: number }) {
    if (run.attempt < 2) return null;
    return (
        <select aria-label="Attempt" value={shown}
            onChange={(e) => go(withQuery({ attempt: e.currentTarget.value === String(run.attempt) ? '' : e.currentTarget.value }))}>
            {Array.from({ length: run.attempt }, (_, i) => run.attempt - i).map((n) => <option value={n}>Attempt {n}</option>)}
        </select>
    );
}

export function RunFacts({ run }: { run: Run }) {
    return (
        <dl class="facts">
            <div><dt>State</dt><dd><State look={lookOf(run)} text={run.cancelling ? 'Cancelling' : undefined} /></dd></div>
            <div><dt>Took</dt><dd class="num"><Took x={run} /></dd></div>
            <div><dt>Started</dt><dd><Ago at={run.created_at} /></dd></div>
            <div><dt>Event</dt><dd>{eventName(run.event)}{run.actor ? ` · ${run.actor}` : ''}</dd></div>
            <div><dt>Branch</dt><dd class="cut-off"><Icon name="branch" />{run.branch ?? '–'}</dd></div>
            <div><dt>Commit</dt><dd><Icon name="commit" /><code title={run.sha ?? ''}>{run.sha?.slice(0, 8) ?? '–'}</code></dd></div>
            {run.started_by ? <div><dt>Run again by</dt><dd>{run.started_by}</dd></div> : null}
        </dl>
    );
}

const levels: Record<string, 'failure' | 'waiting' | 'queued'> = { error: 'failure', warning: 'waiting', notice: 'queued' };

function Annotations({ list, jobs, run }: { list: Annotation[]; jobs: Job[]; run: Run }) {
    if (!list.length) return null;
    const order = ['error', 'warning', 'notice'];
    const sorted = [...list].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
    return (
        <section class="card">
            <h2>Annotations <span class="tag">{list.length}</span></h2>
            <ul class="notes">
                {sorted.map((x) => (
                    <li class={`note ${x.level}`}>
                        <StateShape look={levels[x.level] ?? 'queued'} />
                        <div class="grow">
                            <p><span class="note-level">{x.level}</span> <strong>{x.title || x.message?.split('\n')[0]}</strong></p>
                            {x.title || x.message?.includes('\n') ? <p class="note-text">{x.message}</p> : null}
                            <p class="muted">
                                {x.path ? <code>{x.path}{x.line ? `:${x.line}` : ''}</code> : null}{x.path ? ' · ' : ''}
                                <a href={`/runs/${run.id}/jobs/${x.job_id}${x.step >= 0 ? `?step=${x.step}` : ''}`}>
                                    {jobs.find((j) => j.id === x.job_id)?.name ?? `job ${x.job_id}`}</a>
                            </p>
                        </div>
                    </li>
                ))}
            </ul>
        </section>
    );
}

function JobSummary({ job }: { job: Job }) {
    const { value } = useLoad<JobDetails>(`jobs/${job.id}`, { of: undefined });
    const texts = (value.value?.steps ?? []).map((s) => s.summary).filter((t): t is string => !!t);
    if (!texts.length) return null;
    return (
        <section class="card summary">
            <h2>Summary of {job.name}</h2>
            {texts.map((t) => <Markdown text={t} />)}
        </section>
    );
}

/* Summaries come with the steps of each job; of very many jobs they are on the jobs' own pages. */
const SUMMARIES_MAX = 20;

export function RunPage({ id }: { id: number }) {
    const attempt = place.value.query.get('attempt') ?? undefined;
    const { value, problem, again } = useLoad<RunDetails>(`runs/${id}`, { attempt });
    const notes = useLoad<Page<Annotation>>(`runs/${id}/annotations`);
    const failed = useSignal<unknown>(null);
    useEffect(() => {
        const reread = debounced(200, again), renote = debounced(500, notes.again);
        return listen((what) => {
            const d = value.peek();
            if (what.name === 'reset') {
                reread();
                renote();
            } else if (what.name === 'run' && what.data.id === id && d) {
                const newer = what.data.attempt !== d.run.attempt;
                value.value = { ...d, run: what.data };
                if (newer) reread();
                if (what.data.state === 'completed') renote();
            } else if (what.name === 'job' && what.data.run_id === id && d) {
                if (!d.jobs.some((j) => j.id === what.data.id)) reread();
                else value.value = { ...d, jobs: d.jobs.map((j) => (j.id === what.data.id ? what.data : j)) };
                if (what.data.state === 'completed') renote();
            }
        });
    }, [id]);
    const d = value.value;
    useTitle(d ? `${d.run.name} #${d.run.number}` : '');
    if (!d) return problem.value ? <ProblemBox why={problem.value} again={again} /> : <Loading />;
    const { run } = d;
    const jobs = d.jobs.filter((j) => !j.call || !d.jobs.some((other) => other.key.startsWith(`${j.key} / `)));
    const ended = jobs.filter((j) => j.state === 'completed');
    return (
        <>
            <nav class="crumbs" aria-label="Where you are">
                <a href="/">Runs</a><span aria-hidden="true">/</span>
                <a href={`/?repository=${run.repository_id}`}>{run.repository}</a><span aria-hidden="true">/</span>
                <a href={`/?q=${encodeURIComponent(`workflow:"${run.workflow}"`)}`}>{run.workflow}</a>
            </nav>
            <header class="page-head">
                <StateShape look={lookOf(run)} size={24} title />
                <h1 class="cut-off">{run.name} <span class="muted">#{run.number}</span></h1>
                <Attempts run={run} shown={Number(attempt ?? run.attempt)} />
                <Actions run={run} failed={(why) => { failed.value = why; }} />
            </header>
            {failed.value ? <ProblemBox why={failed.value} /> : null}
            <RunFacts run={run} />
            {run.reason ? <p class={`reason ${lookOf(run)}`}><StateShape look={lookOf(run)} />{run.reason}</p> : null}
            {!jobs.length ? <Empty title="This run has no jobs"><p>{run.reason ?? 'Its workflow planned none for this event.'}</p></Empty> : (
                <>
                    <section class="card">
                        <h2>Jobs <span class="tag">{ended.length === jobs.length ? plural(jobs.length, 'job') : `${ended.length} of ${jobs.length} ended`}</span></h2>
                        <Graph jobs={jobs} graph={d.graph} />
                    </section>
                    <section class="card">
                        <h2>Over time</h2>
                        <Waterfall run={run} jobs={jobs} graph={d.graph} />
                    </section>
                </>
            )}
            <Annotations list={notes.value.value?.items ?? []} jobs={d.jobs} run={run} />
            {ended.slice(0, SUMMARIES_MAX).map((j) => <JobSummary key={j.id} job={j} />)}
        </>
    );
}

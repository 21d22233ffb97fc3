/* When jobs waited and ran, a bar for each, and their steps below when asked. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { duration, time } from '../format';
import { listen } from '../live';
import { useLoad } from '../load';
import { Icon, State, StateShape, Took, now } from '../parts';
import { lookOf, words } from '../states';
import type { Job, JobDetails, Needs, Run, Step } from '../types';
import { criticalPath, ticks } from '../waterfall';

interface Axis {
    from: number;
    ms: number;
}

function place(axis: Axis, from: number, to: number) {
    const left = Math.max(0, Math.min(100, ((from - axis.from) / axis.ms) * 100));
    return { left: `${left}%`, width: `${Math.max(0, Math.min(100 - left, ((to - from) / axis.ms) * 100))}%` };
}

function StepRows({ job, axis }: { job: Job; axis: Axis }) {
    const { value } = useLoad<JobDetails>(`jobs/${job.id}`);
    useEffect(() => listen((what) => {
        const d = value.peek();
        if (what.name !== 'step' || what.data.job_id !== job.id || !d) return;
        const rest = d.steps.filter((s) => s.number !== what.data.number);
        value.value = { ...d, steps: [...rest, what.data as Step].sort((a, b) => a.number - b.number) };
    }), [job.id]);
    const steps = value.value?.steps ?? [];
    return (
        <>
            {steps.map((s) => {
                const from = time(s.started_at), to = s.ended_at ? time(s.ended_at) : now.value;
                return (
                    <li class="fall-row step">
                        <span class={`fall-name ${s.parent !== null ? 'inner' : ''}`}>
                            <StateShape look={lookOf(s)} title />
                            <a class="cut-off" href={`/runs/${job.run_id}/jobs/${job.id}?step=${s.number}`}>{s.name}</a>
                        </span>
                        <span class="fall-took num muted"><Took x={s} /></span>
                        <span class="fall-bars" aria-hidden="true">
                            {Number.isNaN(from) ? null : <i class={`bar ${lookOf(s)}`} style={place(axis, from, to)} />}
                        </span>
                    </li>
                );
            })}
        </>
    );
}

function JobRow({ job, axis, critical }: { job: Job; axis: Axis; critical: boolean }) {
    const open = useSignal(false), look = lookOf(job);
    const queued = time(job.queued_at), started = time(job.started_at);
    const ended = job.ended_at ? time(job.ended_at) : now.value;
    const waited = (Number.isNaN(started) ? ended : started) - queued;
    const runs = !Number.isNaN(started);
    return (
        <>
            <li class={`fall-row ${critical ? 'critical' : ''}`}>
                <span class="fall-name">
                    <button type="button" class="plain twist" aria-expanded={open.value} aria-label={`Steps of ${job.name}`}
                        onClick={() => { open.value = !open.value; }}><Icon name={open.value ? 'down' : 'right'} /></button>
                    <StateShape look={look} title />
                    <a class="cut-off" href={`/runs/${job.run_id}/jobs/${job.id}`} data-row>{job.name}</a>
                    {job.may_fail && job.result === 'failure' ? <span class="tag">may fail</span> : null}
                    {critical ? <span class="tag" title="On the critical path">critical</span> : null}
                </span>
                <span class="fall-took num"><Took x={job} /></span>
                <span class="fall-bars" title={`${words[look]}${runs ? `, ran ${duration(ended - started)}` : ''}${waited > 0 ? `, waited ${duration(waited)}` : ''}`}>
                    {job.reason && look !== 'success' && !runs ? <span class="muted cut-off fall-reason">{job.reason}</span> : null}
                    {waited > 0 && look !== 'skipped' ? <i class="bar wait" style={place(axis, queued, queued + waited)} /> : null}
                    {runs ? <i class={`bar ${look}`} style={place(axis, started, ended)} /> : null}
                </span>
            </li>
            {open.value ? <StepRows job={job} axis={axis} /> : null}
        </>
    );
}

export function Waterfall({ run, jobs, graph }: { run: Run; jobs: Job[]; graph: Needs[] }) {
    const live = jobs.some((j) => j.state !== 'completed');
    const at = live ? now.value : 0;
    const spans = jobs.map((j) => ({
        id: j.id, needs: graph.find((g) => g.job === j.id)?.needs ?? [],
        queued: time(j.queued_at), started: time(j.started_at), ended: time(j.ended_at),
    }));
    const path = new Set(criticalPath(spans, at));
    const starts = spans.flatMap((s) => [s.queued, s.started]).filter((t) => !Number.isNaN(t));
    const from = Math.min(...starts, time(run.started_at) || Infinity);
    const end = Math.max(...spans.map((s) => s.ended).filter((t) => !Number.isNaN(t)), live ? at : -Infinity);
    const axis = { from, ms: Math.max(1, end - from) };
    const known = Number.isFinite(from) && Number.isFinite(end);
    const order = [...jobs].sort((a, b) => (time(a.started_at) || time(a.queued_at) || Infinity)
        - (time(b.started_at) || time(b.queued_at) || Infinity) || a.id - b.id);
    return (
        <div class="fall">
            <div class="fall-row fall-axis" aria-hidden="true">
                <span class="fall-name" /><span class="fall-took" />
                <span class="fall-bars">
                    {known ? ticks(axis.ms, 5).map((t) => <span class="tick" style={{ left: `${(t / axis.ms) * 100}%` }}>{duration(t)}</span>) : null}
                </span>
            </div>
            <ul>{order.map((j) => <JobRow key={j.id} job={j} axis={axis} critical={path.has(j.id) && jobs.length > 1} />)}</ul>
            <p class="fall-legend muted">
                <span><i class="bar wait" />waited</span><span><i class="bar success" />ran</span>
                <span><i class="bar crit" />critical path: what made the run this long</span>
                <State look={lookOf(run)} />
            </p>
        </div>
    );
}

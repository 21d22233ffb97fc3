/* One job: its steps beside its log. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { listen } from '../live';
import { debounced, useLoad } from '../load';
import { LogSource } from '../log/source';
import { LogView } from '../log/view';
import { Empty, Loading, ProblemBox, State, StateShape, Took, useTitle } from '../parts';
import { go, place } from '../router';
import { lookOf } from '../states';
import type { Job, JobDetails, RunDetails, Step } from '../types';

function Steps({ job, steps, at, onChoose }: { job: Job; steps: Step[]; at: number; onChoose: (step: number) => void }) {
    return (
        <ol class="steps" aria-label="Steps">
            {steps.map((s) => (
                <li key={s.number}>
                    <button type="button" class={`plain step-row ${s.parent !== null ? 'inner' : ''}`} data-row
                        aria-current={at === s.number ? 'step' : undefined} onClick={() => onChoose(s.number)}>
                        <StateShape look={lookOf(s)} title />
                        <span class="grow cut-off" title={s.name ?? ''}>{s.name}</span>
                        {s.exit_code && s.conclusion === 'failure' ? <span class="tag">exit {s.exit_code}</span> : null}
                        <span class="muted num"><Took x={s} /></span>
                    </button>
                </li>
            ))}
            {steps.length ? null : <li class="muted pad">{job.state === 'completed' ? 'No step ran.' : 'No step has started.'}</li>}
        </ol>
    );
}

function Others({ jobs, job }: { jobs: Job[]; job: Job }) {
    return (
        <select aria-label="Job" value={job.id} onChange={(e) => go(`/runs/${job.run_id}/jobs/${e.currentTarget.value}`)}>
            {jobs.map((j) => <option value={j.id}>{j.name}</option>)}
        </select>
    );
}

/* Why there is nothing to read, where there is nothing. */
function Waits({ job, waitsFor }: { job: Job; waitsFor: string | null }) {
    if (job.result === 'skipped') {
        return <Empty title="This job was skipped"><p>{job.reason ?? 'Its condition was false.'}</p></Empty>;
    }
    return (
        <Empty title="This job has not started">
            <p>{waitsFor ?? job.reason ?? 'It starts as soon as an agent is free.'}</p>
            {job.labels?.length ? <p>It asks for an agent with {job.labels.map((l) => <span class="tag">{l}</span>)}: see the <a href="/agents">agents</a>.</p> : null}
        </Empty>
    );
}

export function JobPage({ run: runId, id }: { run: number; id: number }) {
    const { value, problem, again } = useLoad<JobDetails>(`jobs/${id}`);
    const run = useLoad<RunDetails>(`runs/${runId}`);
    const at = useSignal(-1), failed = useSignal<unknown>(null);
    const source = useMemo(() => new LogSource(id), [id]);
    const d = value.value, job = d?.job;
    const begun = !!job && (job.started_at !== null || job.state === 'completed') && job.result !== 'skipped';
    const live = !!job && job.state !== 'completed';

    const jump = (step: number) => {
        source.firstOf(step).then((index) => {
            if (index >= 0) go(`/runs/${runId}/jobs/${id}#L${index + 1}`, true);
            at.value = step;
        }, (why: unknown) => { failed.value = why; });
    };
    useEffect(() => {
        if (!begun) return;
        const wasLive = live;
        void source.open().then(() => {
            const step = place.peek().query.get('step');
            if (step !== null) jump(Number(step));
            if (wasLive) void source.follow();
        });
        return () => source.close();
    }, [source, begun]);
    useEffect(() => {
        const reread = debounced(200, again);
        return listen((what) => {
            const now = value.peek();
            if (what.name === 'reset') reread();
            if (!now) return;
            if (what.name === 'job' && what.data.id === id) {
                value.value = { ...now, job: what.data, waits_for: what.data.state === 'completed' ? null : what.data.reason };
            } else if (what.name === 'job' && what.data.run_id === runId) {
                const r = run.value.peek();
                if (r) run.value.value = { ...r, jobs: r.jobs.map((j) => (j.id === what.data.id ? what.data : j)) };
            } else if (what.name === 'step' && what.data.job_id === id) {
                const rest = now.steps.filter((s) => s.number !== what.data.number);
                value.value = { ...now, steps: [...rest, what.data as Step].sort((a, b) => a.number - b.number) };
            }
        });
    }, [id, runId]);
    useTitle(job ? job.name : '');
    if (!d || !job) return problem.value ? <ProblemBox why={problem.value} again={again} /> : <Loading />;
    const whole = run.value.value;
    return (
        <div class="job-page">
            <nav class="crumbs" aria-label="Where you are">
                <a href="/">Runs</a><span aria-hidden="true">/</span>
                <a href={`/runs/${runId}`}>{whole ? `${whole.run.name} #${whole.run.number}` : `Run ${runId}`}</a>
            </nav>
            <header class="page-head">
                <StateShape look={lookOf(job)} size={24} title />
                <h1 class="cut-off">{job.name}</h1>
                <State look={lookOf(job)} />
                <span class="num muted"><Took x={job} /></span>
                <span class="grow" />
                {whole && whole.jobs.length > 1 ? <Others jobs={whole.jobs} job={job} /> : null}
            </header>
            {job.reason && begun ? <p class={`reason ${lookOf(job)}`}><StateShape look={lookOf(job)} />{job.reason}</p> : null}
            {failed.value ? <ProblemBox why={failed.value} /> : null}
            {!begun ? <Waits job={job} waitsFor={d.waits_for} /> : (
                <div class="job-split">
                    <details class="steps-box" open={innerWidth > 800}>
                        <summary>Steps <span class="tag">{d.steps.length}</span></summary>
                        <Steps job={job} steps={d.steps} at={at.value} onChoose={jump} />
                    </details>
                    <LogView source={source} live={live} onStep={(step) => { at.value = step; }} />
                </div>
            )}
        </div>
    );
}

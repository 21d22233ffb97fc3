/* What the API says, as in its OpenAPI document. */

export type State = 'waiting' | 'queued' | 'assigned' | 'running' | 'completed';
export type Result = 'success' | 'failure' | 'cancelled' | 'skipped';

export interface Repository {
    id: number;
    name: string;
    kind: string;
    url: string;
    default_branch: string;
    polled_at: string | null;
    archived: boolean;
}

export interface Run {
    id: number;
    repository: string;
    repository_id: number;
    number: number;
    attempt: number;
    workflow: string | null;
    path: string | null;
    name: string | null;
    event: string | null;
    branch: string | null;
    sha: string | null;
    message: string | null;
    actor: string | null;
    started_by: string | null;
    state: State;
    result: Result | null;
    reason: string | null;
    concurrency_group: string | null;
    fork: boolean;
    cancelling: boolean;
    protected: boolean;
    created_at: string | null;
    started_at: string | null;
    ended_at: string | null;
    duration_ms: number | null;
}

export interface Job {
    id: number;
    run_id: number;
    attempt: number;
    key: string;
    name: string;
    call: boolean;
    state: State;
    result: Result | null;
    reason: string | null;
    labels: string[] | null;
    needs: string[] | null;
    environment: string | null;
    may_fail: boolean;
    cancelling: boolean;
    agent_id: number | null;
    tries: number;
    queued_at: string | null;
    started_at: string | null;
    ended_at: string | null;
    duration_ms: number | null;
    log_bytes: number | null;
    log_lines: number | null;
}

export interface Step {
    number: number;
    parent: number | null;
    name: string | null;
    phase: string | null;
    state: string | null;
    outcome: string | null;
    conclusion: string | null;
    exit_code: number | null;
    started_at: string | null;
    ended_at: string | null;
    duration_ms: number | null;
    summary: string | null;
}

export interface Annotation {
    job_id: number;
    step: number;
    level: string;
    title: string | null;
    message: string | null;
    path: string | null;
    line: number;
}

export interface Agent {
    id: number;
    name: string;
    labels: string[] | null;
    capacity: number;
    running: number;
    ephemeral: boolean;
    embedded: boolean;
    state: string;
    version: string | null;
    system: string | null;
    address: string | null;
    seen_at: string | null;
    expires_at: string | null;
}

export interface Needs {
    job: number;
    needs: number[];
}

export interface RunDetails {
    run: Run;
    jobs: Job[];
    graph: Needs[];
}

export interface JobDetails {
    job: Job;
    steps: Step[];
    waits_for: string | null;
}

export interface LogLine {
    line: number;
    step: number;
    at_us: number;
    kind: string;
    text: string;
    start?: number;
    size?: number;
}

export interface LogLines {
    lines: LogLine[];
    total: number;
    end: number;
    end_line: number;
}

export interface LogFound {
    matches: LogLine[];
    total: number;
    searched: number;
    complete: boolean;
}

export interface Page<T> {
    items: T[];
    next?: string | null;
}

export interface Me {
    name: string;
    through?: string;
    csrf?: string | null;
    rights?: { repository_id: number | null; rights: string[] }[];
}

export interface User {
    id: number;
    name: string;
    email: string | null;
    state: string;
    has_password: boolean;
    seen_at: string | null;
}

export interface Access {
    grant_id: number;
    user: User;
    repository_id: number | null;
    role: string;
    elevation_id: number | null;
    expires_at: string | null;
}

export interface Token {
    id: number;
    name: string;
    scopes: string[];
    expires_at: string | null;
    used_at: string | null;
}

export interface Elevation {
    id: number;
    user_name: string;
    role: string;
    minutes: number;
    reason: string;
    state: string;
    created_at: string | null;
    ends_at: string | null;
}

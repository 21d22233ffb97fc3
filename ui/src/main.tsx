/* The page starts here. */
import { useSignal } from '@preact/signals';
import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import { me, signedOut, whoAmI } from './api';
import { startKeys } from './keys';
import { AccessPage } from './pages/access';
import { AgentsPage } from './pages/agents';
import { AuditPage } from './pages/audit';
import { JobPage } from './pages/job';
import { LoginPage, SetupPage } from './pages/login';
import { RunPage } from './pages/run';
import { RunsPage } from './pages/runs';
import { SettingsPage } from './pages/settings';
import { Overlays } from './palette';
import { Empty, ProblemBox } from './parts';
import { place, startRouter } from './router';
import { Shell } from './shell';
import { applyTheme } from './theme';

function page(path: string) {
    const job = /^\/runs\/(\d+)\/jobs\/(\d+)$/.exec(path);
    if (job) return <JobPage key={job[2]} run={Number(job[1])} id={Number(job[2])} />;
    const run = /^\/runs\/(\d+)$/.exec(path);
    if (run) return <RunPage key={run[1]} id={Number(run[1])} />;
    switch (path) {
    case '/': case '/runs': return <RunsPage />;
    case '/agents': return <AgentsPage />;
    case '/audit': return <AuditPage />;
    case '/access': return <AccessPage />;
    case '/settings': return <SettingsPage />;
    default: return <Empty title="There is no such page"><p>Go to the <a href="/">runs</a>, or press <kbd>⌘K</kbd>.</p></Empty>;
    }
}

function App() {
    const failed = useSignal<unknown>(null);
    const ask = () => whoAmI().then(() => { failed.value = null; }, (why: unknown) => { failed.value = why; });
    useEffect(() => void ask(), []);
    const path = place.value.path;
    if (path === '/setup') return <SetupPage />;
    if (signedOut.value) return <LoginPage />;
    if (!me.value) return failed.value ? <Shell wide={false}><ProblemBox why={failed.value} again={ask} /></Shell> : null;
    return (
        <>
            <Shell wide={/\/jobs\//.test(path)}>{page(path)}</Shell>
            <Overlays />
        </>
    );
}

applyTheme();
startRouter();
startKeys();
render(<App />, document.getElementById('app')!);

/* Journeys through the pages in a browser: node journeys.mjs PACKAGES CHROMIUM PROXY SERVER. The runner beside it has
 * filled the server; it reads what is printed, and `let go` makes it end the job that holds. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const [packages, chromium, proxy, server] = process.argv.slice(2);
const require = createRequire(`${packages}/`);
const playwright = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const WIDE = { width: 1360, height: 860 }, NARROW = { width: 390, height: 844 };
const api = async (path) => (await fetch(`${proxy}/api/v1/${path}`)).json();
const runs = (await api('runs')).items;
const runOf = (workflow) => runs.find((r) => r.workflow === workflow);
const jobOf = async (workflow, name) => (await api(`runs/${runOf(workflow).id}`)).jobs.find((j) => j.name.includes(name));
const long = await jobOf('Nightly', 'lines'), broken = await jobOf('Nightly', 'fails'), hold = await jobOf('Deploy preview', 'hold');
const after = await jobOf('Nightly', 'Report'), gpu = await jobOf('Deploy preview', 'machine');
const pathOf = (j) => `/runs/${j.run_id}/jobs/${j.id}`;

const journeys = {
    async runs_are_listed_and_filtered(page) {
        await page.goto(`${proxy}/`);
        await page.waitForSelector('.run-row');
        assert.equal(await page.locator('.run-row').count(), runs.length);
        await page.getByLabel('State').selectOption('failure');
        await page.waitForFunction(() => document.querySelectorAll('.run-row').length === 1);
        assert.match(await page.locator('.run-row').innerText(), /Failed[\s\S]*Nightly #1/);
        assert.match(page.url(), /state=failure/);
        await page.getByLabel('State').selectOption('');
        await page.keyboard.press('Escape');
        await page.getByRole('heading', { name: 'Runs' }).click();
        await page.keyboard.press('/');
        await page.keyboard.type('reload');
        await page.waitForFunction(() => document.querySelectorAll('.run-row').length === 1);
        await page.keyboard.type(' nowhere');
        await page.getByText('No run matches').waitFor();
        await page.getByText('show all runs').click();
        await page.waitForSelector('.run-row');
    },

    async keys_lead_everywhere(page) {
        await page.goto(`${proxy}/`);
        await page.waitForSelector('.run-row');
        await page.keyboard.press('j');
        await page.keyboard.press('j');
        await page.keyboard.press('k');
        const name = await page.evaluate(() => document.activeElement.getAttribute('href'));
        assert.equal(name, `/runs/${runs[0].id}`);
        await page.keyboard.press('Enter');
        await page.waitForURL(`**/runs/${runs[0].id}`);
        await page.keyboard.press('g');
        await page.keyboard.press('a');
        await page.getByRole('heading', { name: 'Agents' }).waitFor();
        await page.keyboard.press('?');
        await page.getByRole('dialog', { name: 'Keys' }).waitFor();
        await page.keyboard.press('Escape');
        await page.keyboard.press('Control+k');
        await page.keyboard.type('audit');
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { name: 'Audit' }).waitFor();
        await page.keyboard.press('Control+k');
        await page.keyboard.type('Nightly');
        await page.getByRole('option', { name: /#1/ }).first().waitFor();
        await page.keyboard.press('Enter');
        await page.waitForURL(`**/runs/${runOf('Nightly').id}`);
    },

    async a_run_shows_graph_time_and_what_steps_said(page) {
        await page.goto(`${proxy}/runs/${runOf('CI').id}`);
        await page.waitForSelector('.node');
        assert.equal(await page.locator('.node').count(), 10);
        assert.ok(await page.locator('.critical').count() >= 2, 'there is a critical path');
        await page.getByRole('button', { name: 'Steps of Lint' }).click();
        await page.locator('.fall-row.step').nth(2).waitFor();
        await page.getByText('Slow test').first().waitFor();
        await page.locator('.summary table').first().waitFor();
        assert.equal(await page.locator('.summary script, .summary [href^="javascript"]').count(), 0);
        assert.match(await page.title(), /Slipway/);
        await page.goto(`${proxy}/runs/${runOf('Nightly').id}`);
        await page.getByText("it needs 'broken', which failed").waitFor();
        await page.getByText('Migration 0042 failed').waitFor();
        await page.getByText('db/0042_price.sql:3').waitFor();
    },

    async a_long_log_opens_at_its_end_and_is_searched(page) {
        await page.goto(proxy + pathOf(long));
        await page.getByText('099999').waitFor();
        assert.ok(await page.locator('.ln').count() < 150, 'only what is in view is in the document');
        await page.keyboard.press('/');
        await page.keyboard.type('needle');
        await page.getByText(/^1 of 11$/).waitFor();
        await page.locator('.ln.current mark').waitFor();
        await page.keyboard.press('Enter');
        await page.getByText(/^2 of 11$/).waitFor();
        await page.keyboard.press('Shift+Enter');
        await page.keyboard.press('Shift+Enter');
        await page.getByText(/^11 of 11$/).waitFor();
        await page.getByLabel('Search this log').fill('no such text');
        await page.getByText('no match').waitFor();
        assert.ok(await page.locator('.ln').count() < 150);
    },

    async lines_have_links_and_groups_fold(page) {
        await page.goto(`${proxy}${pathOf(long)}#L50000`);
        await page.locator('.ln.chosen[data-line="50000"]').waitFor();
        await page.locator('[data-line="50003"] .no').click({ modifiers: ['Shift'] });
        await page.waitForFunction(() => location.hash === '#L50000-L50003');
        assert.equal(await page.locator('.ln.chosen').count(), 4);
        await page.goto(`${proxy}${pathOf(long)}#L3`);
        const group = page.getByRole('button', { name: 'Phase 0' });
        await group.click();
        await page.getByRole('button', { name: 'Phase 1', exact: true }).waitFor();
        assert.equal(await group.getAttribute('aria-expanded'), 'false');
        assert.equal(await page.locator('[data-line="10"]').count(), 0);
        await group.click();
        await page.locator('[data-line="10"]').waitFor();
    },

    async a_step_is_found_in_the_log(page) {
        await page.goto(proxy + pathOf(broken));
        await page.locator('.of-error').waitFor();
        assert.match(await page.locator('.of-error').innerText(), /Error: /);
        assert.equal(await page.locator('.ln .fg-f3').first().innerText(), 'applying');
        await page.getByRole('button', { name: /Check out/ }).click();
        await page.waitForFunction(() => location.hash.startsWith('#L'));
        await page.goto(proxy + pathOf(after));
        await page.getByText('This job was skipped').waitFor();
        await page.goto(proxy + pathOf(gpu));
        await page.getByText('This job has not started').waitFor();
    },

    async what_happens_is_shown_without_a_reload(page, context) {
        const list = await context.newPage();
        await list.goto(`${proxy}/?state=running`);
        await list.locator('.run-row').first().waitFor();
        const before = await list.locator('.run-row').count();
        await page.goto(proxy + pathOf(hold));
        await page.getByText('Following the end').waitFor();
        const lines = () => page.locator('.log-foot .num').innerText();
        const first = await lines();
        await page.waitForFunction((was) => document.querySelector('.log-foot .num').innerText !== was, first);
        console.log('let go');
        await page.locator('.page-head .state-word.success').waitFor();
        await page.getByText('Following the end').waitFor({ state: 'detached' });
        await fetch(`${proxy}/api/v1/runs/${runOf('Deploy preview').id}/cancel`, { method: 'POST' });
        await list.waitForFunction((n) => document.querySelectorAll('.run-row').length < n
            || !!document.querySelector('.run-row .state-word.cancelled'), before);
        await list.close();
    },

    async a_run_is_run_again(page) {
        await page.goto(`${proxy}/runs/${runOf('Nightly').id}`);
        await page.getByRole('button', { name: 'Re-run failed jobs' }).click();
        await page.getByLabel('Attempt').waitFor();
        await page.locator('.facts .state-word.failure').waitFor();
        await page.getByLabel('Attempt').selectOption('1');
        await page.waitForURL('**?attempt=1');
    },

    async settings_add_a_repository_and_tell_what_is_wrong(page) {
        await page.goto(`${proxy}/settings`);
        await page.getByLabel('Name').fill('acme/other');
        await page.getByLabel('Folder on the server').fill('not/absolute');
        await page.getByRole('button', { name: 'Add' }).click();
        await page.getByRole('alert').waitFor();
        assert.match(await page.getByRole('alert').innerText(), /absolute path/);
        await page.getByLabel('Folder on the server').fill('/srv/other.git');
        await page.getByRole('button', { name: 'Add' }).click();
        await page.getByRole('link', { name: 'acme/other' }).waitFor();
    },

    async colours_are_chosen_and_kept(page) {
        const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        await page.emulateMedia({ colorScheme: 'light' });
        await page.goto(`${proxy}/agents`);
        await page.getByText('this server', { exact: true }).waitFor();
        const light = await ground();
        await page.emulateMedia({ colorScheme: 'dark' });
        const dark = await ground();
        assert.notEqual(light, dark);
        await page.getByRole('button', { name: 'Use light colours' }).click();
        assert.equal(await ground(), light);
        await page.reload();
        await page.getByText('this server', { exact: true }).waitFor();
        assert.equal(await ground(), light);
    },

    async the_audit_log_is_read(page) {
        await page.goto(`${proxy}/audit`);
        await page.locator('.audit-row').first().waitFor();
        await page.locator('.audit-row summary').first().click();
        assert.match(await page.locator('.audit-row pre').first().innerText(), /"version": 1/);
    },

    async who_is_not_signed_in_gets_the_door(page) {
        await page.goto(`${server}/runs/1`);
        await page.getByRole('heading', { name: 'Sign in' }).waitFor();
        await page.getByLabel('Name').fill('nobody');
        await page.getByLabel('Password').fill('nothing');
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('alert').waitFor();
        await page.goto(`${server}/setup#token-of-the-link`);
        await page.getByRole('heading', { name: 'The first administrator' }).waitFor();
        assert.equal(new URL(page.url()).hash, '', 'the token has left the address');
    },

    async nothing_is_wider_than_a_phone(page) {
        await page.setViewportSize(NARROW);
        for (const path of ['/', `/runs/${runOf('CI').id}`, pathOf(long), '/agents', '/audit', '/access', '/settings']) {
            await page.goto(proxy + path);
            await page.locator('main h1').waitFor();
            const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            assert.ok(over <= 0, `${path} is ${over} pixels too wide`);
        }
    },

    async axe_finds_nothing_serious(page) {
        const paths = ['/', `/runs/${runOf('CI').id}`, `/runs/${runOf('Nightly').id}`, pathOf(broken), pathOf(long), '/agents', '/audit',
            '/access', '/settings', '/nowhere'];
        const wrong = [];
        for (const [scheme, size] of [['light', WIDE], ['dark', WIDE], ['light', NARROW]]) {
            await page.emulateMedia({ colorScheme: scheme });
            await page.setViewportSize(size);
            for (const path of paths) {
                await page.goto(proxy + path);
                await page.locator('main h1, main .empty, .door h1').first().waitFor();
                const { violations } = await new AxeBuilder({ page }).analyze();
                for (const v of violations.filter((x) => ['serious', 'critical'].includes(x.impact))) {
                    wrong.push(`${path} ${scheme} ${size.width}: ${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`).join(' | ')}`);
                }
            }
        }
        assert.deepEqual(wrong, []);
    },
};

const only = process.argv[6] ?? '';
const browser = await playwright.chromium.launch({ executablePath: chromium, args: ['--no-sandbox'] });
let failed = 0, passed = 0;
for (const [name, journey] of Object.entries(journeys)) {
    if (!name.includes(only)) continue;
    const context = await browser.newContext({ viewport: WIDE });
    context.setDefaultTimeout(20000);
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', (e) => errors.push(e.message));
    /* The Content-Security-Policy speaks on the console. */
    page.on('console', (m) => { if (/Content.Security.Policy/i.test(m.text())) errors.push(m.text()); });
    try {
        await journey(page, context);
        assert.deepEqual(errors, []);
        passed++;
        console.log(`ok      ${name}`);
    } catch (why) {
        failed++;
        console.log(`FAILED  ${name}: ${why.message} at ${page.url()}`);
    }
    await context.close();
}
await browser.close();
console.log(`journeys: ${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;

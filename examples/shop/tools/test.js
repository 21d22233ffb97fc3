// Runs the tests: node tools/test.js [SUITE…] writes reports/junit.xml and reports/lcov.info, prints a summary, and
// fails when a test does or when fewer lines are covered than MIN_COVERAGE (percent, default 0).

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { coverage } from './coverage.js';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const all = readdirSync(join(root, 'test')).filter((name) => name.endsWith('.test.js')).map((name) => name.replace('.test.js', ''));
const suites = process.argv.slice(2).length ? process.argv.slice(2) : all;
const unknown = suites.find((suite) => !all.includes(suite));
if (unknown) {
  console.error(`no suite ${unknown}; there are: ${all.join(', ')}`);
  process.exit(2);
}

const raw = mkdtempSync(join(tmpdir(), 'shop-coverage-'));
mkdirSync(join(root, 'reports'), { recursive: true });
const run = spawnSync(
  process.execPath,
  ['--test', '--test-reporter=./tools/junit.js', '--test-reporter-destination=stdout', ...suites.map((suite) => `test/${suite}.test.js`)],
  { cwd: root, env: { ...process.env, NODE_V8_COVERAGE: raw }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
);
writeFileSync(join(root, 'reports', 'junit.xml'), run.stdout);
const { lcov, percent } = coverage(raw, root);
writeFileSync(join(root, 'reports', 'lcov.info'), lcov);
rmSync(raw, { recursive: true });

const xml = readFileSync(join(root, 'reports', 'junit.xml'), 'utf8');
for (const [, name, inner] of xml.matchAll(/<testcase [^>]*?\sname="([^"]*)"[^>]*>(.*?)<\/testcase>/gs)) {
  console.log(`${inner.startsWith('<failure') ? '✗' : inner ? '○' : '✓'} ${name}`);
  const failure = /<failure message="([^"]*)"/.exec(inner);
  if (failure) console.log(`::error title=${name}::${failure[1].replace(/\n/g, '%0A')}`);
}
console.log(`coverage: ${percent.toFixed(1)} % of lines`);
const least = Number(process.env.MIN_COVERAGE ?? 0);
if (percent < least) console.log(`::error::coverage is ${percent.toFixed(1)} %, at least ${least} % is required`);
process.exit(run.status !== 0 || percent < least ? 1 : 0);

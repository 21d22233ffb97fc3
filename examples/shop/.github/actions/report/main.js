import { appendFileSync, existsSync, readFileSync } from 'node:fs';

const path = process.env.INPUT_JUNIT;
if (!existsSync(path)) {
  console.log(`::error title=No report::${path} was not written`);
  process.exit(1);
}
const xml = readFileSync(path, 'utf8');
const cases = [...xml.matchAll(/<testcase classname="([^"]*)" name="([^"]*)" time="([^"]*)">(.*?)<\/testcase>/gs)];
const failed = cases.filter(([, , , , inner]) => inner.startsWith('<failure'));
for (const [, file, name] of failed) console.log(`::error file=${file},title=Test failed::${name}`);

// What the post step compares with, because a job may go on after this report.
appendFileSync(process.env.GITHUB_STATE, `junit=${path}\nfailures=${failed.length}\n`);
appendFileSync(process.env.GITHUB_OUTPUT, `tests=${cases.length}\nfailures=${failed.length}\n`);
const rows = failed.map(([, file, name, time]) => `| ${name} | ${file} | ${(time * 1000).toFixed(1)} ms |\n`);
appendFileSync(
  process.env.GITHUB_STEP_SUMMARY,
  `${process.env.INPUT_TITLE}: ${cases.length - failed.length} of ${cases.length} passed\n` +
    (rows.length ? `\n| failed | file | time |\n|---|---|---|\n${rows.join('')}` : ''),
);

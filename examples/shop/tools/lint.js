// A linter of a few rules that need no dependency; findings are printed as file:line:col: rule: message.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const RULES = [
  ['no-trailing-space', /[ \t]+$/, 'white space at the end of the line'],
  ['no-tab', /\t/, 'a tab; indent with spaces'],
  ['no-debugger', /\bdebugger\b/, 'debugger statement'],
  ['eqeqeq', /[^=!]==[^=]|!=[^=]/, 'use === or !=='],
  ['no-var', /\bvar\s/, 'use const or let'],
  ['no-eval', /\beval\(/, 'eval runs whatever it is given'],
  ['max-length', /^.{141,}$/, 'longer than 140 characters'],
];

const files = ['src', 'test', 'tools'].flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
let findings = 0;
const say = (file, line, column, rule, message) => {
  findings += 1;
  console.log(`${file}:${line}:${column}: ${rule}: ${message}`);
};

for (const file of files) {
  const syntax = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' });
  if (syntax.status !== 0) {
    const line = Number(/:(\d+)/.exec(syntax.stderr)?.[1] ?? 1);
    say(file, line, 1, 'syntax', /SyntaxError: (.*)/.exec(syntax.stderr)?.[1]);
  }
  const text = readFileSync(file, 'utf8');
  text.split('\n').forEach((line, i) => {
    if (file === join('tools', 'lint.js') && line.startsWith('  [')) return; // the rules themselves
    for (const [rule, pattern, message] of RULES) {
      const match = pattern.exec(line);
      if (match) say(file, i + 1, match.index + 1, rule, message);
    }
  });
  if (!text.endsWith('\n')) say(file, text.split('\n').length, 1, 'final-newline', 'no newline at the end of the file');
}
console.log(`${files.length} files, ${findings} findings`);
process.exit(findings ? 1 : 0);

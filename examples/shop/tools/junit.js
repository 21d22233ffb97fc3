// A reporter for node:test that writes JUnit XML: node --test --test-reporter=./tools/junit.js

const escape = (text) =>
  String(text)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    // eslint-disable-next-line no-control-regex
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '');

// node 18 reports each file as a test of its own, above the file's tests.
const isFile = (data) => data.nesting === 0 && /\.[cm]?js$/.test(data.name);

export default async function* junit(source) {
  const cases = [];
  let failures = 0;
  let skipped = 0;
  let seconds = 0;
  for await (const { type, data } of source) {
    if ((type !== 'test:pass' && type !== 'test:fail') || isFile(data) || data.details?.type === 'suite') continue;
    const time = (data.details?.duration_ms ?? 0) / 1000;
    const file = data.file ? data.file.replace('file://', '').replace(`${process.cwd()}/`, '') : 'test';
    seconds += time;
    let inner = '';
    if (data.skip !== undefined || data.todo !== undefined) {
      skipped += 1;
      inner = '<skipped/>';
    } else if (type === 'test:fail') {
      failures += 1;
      const problem = data.details.error?.cause ?? data.details.error;
      inner = `<failure message="${escape(problem?.message ?? problem)}">${escape(problem?.stack ?? '')}</failure>`;
    }
    cases.push(`    <testcase classname="${escape(file)}" name="${escape(data.name)}" time="${time.toFixed(6)}">${inner}</testcase>`);
  }
  const totals = `tests="${cases.length}" failures="${failures}" skipped="${skipped}" errors="0" time="${seconds.toFixed(6)}"`;
  yield `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${totals}>\n  <testsuite name="shop" ${totals}>\n`;
  yield cases.join('\n') + '\n  </testsuite>\n</testsuites>\n';
}

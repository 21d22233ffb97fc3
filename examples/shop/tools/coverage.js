// V8's raw coverage (NODE_V8_COVERAGE) of the files under src/ becomes lcov and a percentage of lines.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

// Offsets where the lines of a text begin, and its end.
function lineStarts(text) {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

// Ranges nest, the inner one decides: so they are painted from the outermost in.
function lineHits(text, functions) {
  const starts = lineStarts(text);
  const hits = starts.map(() => 1);
  const ranges = functions.flatMap((f) => f.ranges).sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  for (const { startOffset, endOffset, count } of ranges) {
    starts.forEach((start, line) => {
      const end = (starts[line + 1] ?? text.length + 1) - 1;
      const indented = start + (text.slice(start, end).match(/^\s*/)?.[0].length ?? 0);
      if (indented >= startOffset && end <= endOffset) hits[line] = count;
    });
  }
  return hits;
}

const isCode = (line) => /[\w]/.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line);

export function coverage(folder, root) {
  const files = new Map(); // path → hits a line, summed over processes
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.json'))) {
    for (const { url, functions } of JSON.parse(readFileSync(join(folder, name), 'utf8')).result) {
      if (!url.startsWith('file://')) continue;
      const path = relative(root, fileURLToPath(url));
      if (!path.startsWith('src/')) continue;
      const hits = lineHits(readFileSync(join(root, path), 'utf8'), functions);
      files.set(path, files.has(path) ? files.get(path).map((n, i) => n + hits[i]) : hits);
    }
  }
  let lcov = '';
  let found = 0;
  let hit = 0;
  for (const [path, hits] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const lines = readFileSync(join(root, path), 'utf8').split('\n');
    const counted = hits.map((count, i) => [i + 1, count]).filter(([number]) => isCode(lines[number - 1] ?? ''));
    found += counted.length;
    hit += counted.filter(([, count]) => count > 0).length;
    lcov += `TN:\nSF:${path}\n${counted.map(([number, count]) => `DA:${number},${count}`).join('\n')}\n`;
    lcov += `LF:${counted.length}\nLH:${counted.filter(([, count]) => count > 0).length}\nend_of_record\n`;
  }
  return { lcov, percent: found ? (100 * hit) / found : 0 };
}

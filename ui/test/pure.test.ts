import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAnsi, plainText, split } from '../src/ansi';
import { parseFilter, setFilter } from '../src/filter';
import { addFold, lineOfRow, removeFold, reveal, rowOfLine, rowsOf } from '../src/folds';
import { ago, count, duration } from '../src/format';
import { layoutGraph } from '../src/graph';
import { matchRanges } from '../src/log/matches';
import { Lines, parseRecord } from '../src/records';
import { lookOf } from '../src/states';
import { checkpointSize, entriesPath, parseEntries, tileName } from '../src/tiles';
import { HEIGHT_MAX, heightOf, scrollTo, windowOf } from '../src/virtual';
import { criticalPath, ticks } from '../src/waterfall';

const ESC = '\x1b';

test('colours, weights and their ends', () => {
    const [a, b, c] = parseAnsi(`${ESC}[1;31mred${ESC}[22;39m plain ${ESC}[38;5;196mcube`);
    assert.equal(a!.text, 'red');
    assert.equal(a!.fg, 'f1');
    assert.ok(a!.bold);
    assert.deepEqual([b!.text, b!.fg, b!.bold], [' plain ', '', false]);
    assert.equal(c!.fg, '#ff0000');
});

test('bright and true colours, grounds, greys', () => {
    assert.equal(parseAnsi(`${ESC}[91mx`)[0]!.fg, 'f9');
    assert.equal(parseAnsi(`${ESC}[104mx`)[0]!.bg, 'f12');
    assert.equal(parseAnsi(`${ESC}[38;2;1;2;255mx`)[0]!.fg, '#0102ff');
    assert.equal(parseAnsi(`${ESC}[48;5;255mx`)[0]!.bg, '#eeeeee');
    assert.equal(parseAnsi(`${ESC}[38;5;4;1mx`)[0]!.bold, true);
});

test('what is no colour leaves no trace', () => {
    const cases: [string, string][] = [
        [`${ESC}[2K${ESC}[1Gdone`, 'done'], [`${ESC}]8;;http://x${ESC}\\link${ESC}]8;;${ESC}\\`, 'link'],
        [`${ESC}]0;title\x07text`, 'text'], [`a\x08b\x07c`, 'abc'], ['10 %\r50 %\r100 %', '100 %'], ['windows\r', 'windows'],
        [`cut ${ESC}[3`, 'cut 3'], [`${ESC}[?25lhidden`, 'hidden'], ['tab\tstays', 'tab\tstays'], ['', ''],
    ];
    for (const [from, to] of cases) assert.equal(plainText(from), to);
});

test('marks are cut out of pieces over their borders', () => {
    const cut = split(parseAnsi(`ab${ESC}[31mcd`), [[1, 3]]);
    assert.deepEqual(cut.map((p) => [p.text, p.mark, p.fg]), [['a', false, ''], ['b', true, ''], ['c', true, 'f1'], ['d', false, 'f1']]);
});

test('matches are found as the server finds them', () => {
    assert.deepEqual(matchRanges('Error, error', 'error', false, false), [[0, 5], [7, 12]]);
    assert.deepEqual(matchRanges('Error, error', 'error', true, false), [[7, 12]]);
    assert.deepEqual(matchRanges('a.b axb', 'a.b', false, false), [[0, 3]]);
    assert.deepEqual(matchRanges('a.b axb', 'a.b', false, true), [[0, 3], [4, 7]]);
    assert.deepEqual(matchRanges('x', '(', false, true), []);
    assert.deepEqual(matchRanges('xx', 'y*', false, true), []);
});

test('needs become layers, and what is told already is not drawn', () => {
    const g = layoutGraph([{ id: 1, needs: [] }, { id: 2, needs: [1] }, { id: 3, needs: [1, 2] }]);
    assert.deepEqual([1, 2, 3].map((id) => g.nodes.get(id)!.layer), [0, 1, 2]);
    assert.deepEqual(g.edges, [[1, 2], [2, 3]]);
    assert.equal(g.layers, 3);
});

test('lines that pass a layer have a place in it', () => {
    const g = layoutGraph([{ id: 1, needs: [] }, { id: 2, needs: [] }, { id: 3, needs: [1] }, { id: 4, needs: [2, 3] }]);
    const bends = [...g.nodes.values()].filter((n) => n.id < 0);
    assert.equal(bends.length, 1);
    assert.equal(bends[0]!.layer, 1);
    assert.notEqual(bends[0]!.row, g.nodes.get(3)!.row);
    assert.ok(g.edges.some(([from, to]) => from === 2 && to === bends[0]!.id));
});

test('circles, unknown needs and nothing at all', () => {
    const g = layoutGraph([{ id: 1, needs: [2] }, { id: 2, needs: [1] }, { id: 3, needs: [99, 3] }]);
    assert.equal(g.nodes.size, 3);
    assert.equal(layoutGraph([]).layers, 0);
});

test('the critical path goes back over the need that ended last', () => {
    const s = (id: number, needs: number[], started: number, ended: number) => ({ id, needs, queued: 0, started, ended });
    const spans = [s(1, [], 0, 10), s(2, [1], 10, 50), s(3, [1], 10, 20), s(4, [2, 3], 50, 60), s(5, [], 0, 55)];
    assert.deepEqual(criticalPath(spans, 0), [1, 2, 4]);
    assert.deepEqual(criticalPath([s(1, [], 0, 10), s(2, [], 5, NaN)], 100), [2]);
    assert.deepEqual(criticalPath([s(1, [], NaN, NaN)], 100), []);
});

test('an axis has few, round marks', () => {
    assert.deepEqual(ticks(381, 5), [0, 100, 200, 300]);
    for (const ms of [1, 999, 61e3, 36e5, 9e9]) assert.ok(ticks(ms, 5).length <= 6);
});

test('only what is in view is in the window', () => {
    const w = windowOf(20000, 400, 100000, 20, 10);
    assert.deepEqual([w.first, w.end, w.top], [990, 1031, 19800]);
    assert.deepEqual(windowOf(0, 400, 3, 20).end, 3);
    assert.equal(windowOf(-50, 400, 0, 20).end, 0);
});

test('lists higher than browsers can draw are squeezed, and their ends are reached', () => {
    const rows = 5_000_000, height = heightOf(rows, 20);
    assert.equal(height, HEIGHT_MAX);
    const last = windowOf(height - 400, 400, rows, 20);
    assert.equal(last.end, rows);
    for (const wanted of [0, 1234567, rows - 30]) {
        const w = windowOf(scrollTo(wanted, 400, rows, 20), 400, rows, 20, 2);
        assert.ok(w.first <= wanted && wanted < w.end, `${wanted} in ${w.first}-${w.end}`);
    }
});

test('folds hide lines, and rows find their lines', () => {
    let folds = addFold([], 10, 20);
    assert.equal(rowsOf(folds, 100), 90);
    assert.deepEqual([9, 10, 11].map((row) => lineOfRow(folds, row)), [9, 20, 21]);
    assert.deepEqual([9, 15, 20].map((line) => rowOfLine(folds, line)), [9, 10, 10]);
    folds = addFold(folds, 30, 40);
    assert.equal(lineOfRow(folds, 20), 40);
    assert.deepEqual(addFold(folds, 15, 35), [[10, 40]]);
    assert.deepEqual(removeFold(folds, 10), [[30, 40]]);
    assert.deepEqual(reveal(folds, 35), [[10, 20]]);
    assert.deepEqual(addFold(folds, 50, 50), folds);
});

test('records of a followed log', () => {
    assert.deepEqual(parseRecord('3 1700000000000000 e went wrong', 7),
        { line: 7, step: 3, at_us: 1700000000000000, kind: 'error', text: 'went wrong' });
    assert.equal(parseRecord('-1 1 o ', 1)!.text, '');
    assert.equal(parseRecord('-1 1 o  two spaces', 1)!.text, ' two spaces');
    for (const wrong of ['', 'x', '1 2', '1 2 z text']) assert.equal(parseRecord(wrong, 1), null);
    const lines = new Lines();
    assert.deepEqual(lines.add('one\ntw'), ['one']);
    assert.deepEqual(lines.add('o\n'), ['two']);
});

test('the search field of the runs', () => {
    const f = parseFilter('cart branch:main workflow:"Deploy preview" http://x reload');
    assert.deepEqual([f.q, f.branch, f.workflow], ['cart http://x reload', 'main', 'Deploy preview']);
    assert.equal(setFilter('cart branch:main', 'branch', 'topic/x'), 'cart branch:topic/x');
    assert.equal(setFilter('branch:main cart', 'branch', ''), 'cart');
    assert.equal(setFilter('', 'workflow', 'A b'), 'workflow:"A b"');
});

test('tiles of the audit log', () => {
    assert.equal(tileName(1234067), 'x001/x234/067');
    assert.equal(tileName(5), '005');
    assert.equal(entriesPath(0, 300), '/audit/tile/entries/000');
    assert.equal(entriesPath(1, 300), '/audit/tile/entries/001.p/44');
    assert.equal(checkpointSize('example.com/audit\n42\nroot=\n\n— sig\n'), 42);
    assert.throws(() => checkpointSize('x\ny\n'));
    const one = new TextEncoder().encode('{"action":"run.start"}');
    const tile = new Uint8Array([0, one.length, ...one, 0, one.length, ...one]);
    assert.deepEqual(parseEntries(tile, 256).map((e) => e.index), [256, 257]);
    assert.throws(() => parseEntries(tile.subarray(0, 9), 0));
});

test('times and numbers for people', () => {
    assert.deepEqual([0, 999, 1500, 59999, 61000, 3.6e6, 2e8].map(duration),
        ['0 ms', '999 ms', '1.5 s', '59 s', '1 min 01 s', '1 h 00 min', '2 d 7 h']);
    assert.deepEqual([0, 6e4, 7.2e6].map((ms) => ago(0, ms)), ['now', '1 min ago', '2 h ago']);
    assert.equal(count(1234567), '1,234,567');
});

test('one look for each state', () => {
    assert.equal(lookOf({ state: 'completed', result: 'failure' }), 'failure');
    assert.equal(lookOf({ state: 'assigned', result: null }), 'running');
    assert.equal(lookOf({ state: 'completed', conclusion: 'success' }), 'success');
    assert.equal(lookOf({ state: 'completed', result: null }), 'skipped');
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { readConfig } from '../src/config.js';
import { makeLog } from '../src/log.js';

test('settings have defaults and come from the environment', () => {
  assert.equal(readConfig({}).port, 8080);
  assert.equal(readConfig({ SHOP_PORT: '0', SHOP_VERSION: '2.0.0' }).version, '2.0.0');
});

test('a bad setting is named with what was expected', () => {
  assert.throws(() => readConfig({ SHOP_PORT: '99999' }), /SHOP_PORT=99999: expected a whole number from 0 to 65535/);
  assert.throws(() => readConfig({ SHOP_LOG: 'loud' }), /SHOP_LOG=loud: expected one of debug, info, warn, error, off/);
});

test('the log keeps its level', () => {
  const lines = [];
  const log = makeLog('warn', (line) => lines.push(JSON.parse(line)));
  log.info('quiet');
  log.error('loud', { code: 7 });
  assert.deepEqual(lines.map(({ level, message, code }) => [level, message, code]), [['error', 'loud', 7]]);
});

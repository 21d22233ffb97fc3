import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const server = fileURLToPath(new URL('../src/server.js', import.meta.url));

async function start(env = {}) {
  const child = spawn(process.execPath, [server], {
    env: { ...process.env, SHOP_PORT: '0', SHOP_VERSION: 'test', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for await (const line of createInterface({ input: child.stderr })) {
    const { message, url } = JSON.parse(line);
    if (message === 'listening') return { child, url };
  }
  throw new Error('the service did not start');
}

async function withShop(run) {
  const { child, url } = await start();
  const call = async (method, path, body) => {
    const response = await fetch(url + path, { method, body: body && JSON.stringify(body) });
    const text = await response.text();
    const json = response.headers.get('content-type') === 'application/json';
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
  };
  try {
    await run(call, child);
  } finally {
    child.kill('SIGKILL');
  }
}

test('a customer finds an article, fills a cart and orders', () =>
  withShop(async (call) => {
    const found = await call('GET', '/items?q=lamp');
    assert.deepEqual(found.body.items.map(({ sku }) => sku), ['lamp']);
    const cart = (await call('POST', '/carts')).body;
    assert.equal((await call('PUT', `/carts/${cart.id}/items/lamp`, { quantity: 2 })).body.goods, 6350);
    const order = await call('POST', `/carts/${cart.id}/checkout`);
    assert.equal(order.status, 201);
    assert.equal((await call('GET', `/orders/${order.body.id}`)).body.total, 6940);
    assert.match((await call('GET', '/metrics')).body, /^shop_revenue_cents_total 6940$/m);
  }));

test('health, readiness and version are told', () =>
  withShop(async (call) => {
    assert.deepEqual((await call('GET', '/health')).body, { status: 'ok' });
    assert.equal((await call('GET', '/ready')).status, 200);
    assert.equal((await call('GET', '/version')).body.version, 'test');
  }));

test('what is wrong gets a clear answer', () =>
  withShop(async (call) => {
    assert.equal((await call('GET', '/nowhere')).status, 404);
    const wrong = await call('DELETE', '/items');
    assert.deepEqual([wrong.status, wrong.body.error], [405, 'use GET']);
    const cart = (await call('POST', '/carts')).body;
    assert.equal((await call('PUT', `/carts/${cart.id}/items/lamp`, 'two')).status, 400);
    assert.equal((await call('PUT', `/carts/${cart.id}/items/lamp`, { pad: 'x'.repeat(70000) })).status, 413);
  }));

test('every answer carries the security headers', () =>
  withShop(async (call) => {
    for (const path of ['/health', '/items', '/nowhere']) {
      const { headers } = await call('GET', path);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.match(headers.get('content-security-policy'), /default-src 'none'/);
      assert.equal(headers.get('x-powered-by'), null);
    }
  }));

test('SIGTERM ends the service cleanly', () =>
  withShop(async (call, child) => {
    await call('GET', '/health');
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  }));

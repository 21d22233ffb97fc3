// The HTTP interface: a table of routes over the shop's parts.

import { Catalogue } from './catalogue.js';
import { Metrics } from './metrics.js';
import { Orders, Refused } from './orders.js';

const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

async function readJson(request, limit) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > limit) throw new Refused(413, `the body is over ${limit} bytes`);
    pieces.push(piece);
  }
  try {
    const body = JSON.parse(Buffer.concat(pieces).toString('utf8') || '{}');
    if (body && typeof body === 'object') return body;
  } catch {
    // told below
  }
  throw new Refused(400, 'the body is not a JSON object');
}

export function makeApp(config, log) {
  const catalogue = new Catalogue();
  const orders = new Orders(catalogue);
  const metrics = new Metrics();
  const state = { ready: true };
  metrics.gauge('shop_build_info', 'The running version.', 1, { version: config.version });

  // [method, path with :names, handler(parameters, query, request) → body or [status, body]]
  const routes = [
    ['GET', '/health', () => ({ status: 'ok' })],
    ['GET', '/ready', () => (state.ready ? { status: 'ready' } : [503, { status: 'draining' }])],
    ['GET', '/version', () => ({ version: config.version, node: process.version })],
    ['GET', '/metrics', () => metrics.render()],
    ['GET', '/items', (_, query) => ({ items: query.has('q') ? catalogue.search(query.get('q')) : catalogue.list() })],
    ['GET', '/items/:sku', ({ sku }) => catalogue.get(sku) ?? [404, { error: `no article ${sku}` }]],
    ['POST', '/carts', () => [201, orders.open()]],
    ['GET', '/carts/:id', ({ id }) => orders.view(id)],
    ['PUT', '/carts/:id/items/:sku', async ({ id, sku }, _, request) =>
      orders.put(id, sku, (await readJson(request, config.maxBody)).quantity)],
    ['POST', '/carts/:id/checkout', ({ id }) => {
      const order = orders.checkout(id);
      metrics.count('shop_orders_total', 'Orders placed.');
      metrics.count('shop_revenue_cents_total', 'Revenue in cents.', {}, order.total);
      return [201, order];
    }],
    ['GET', '/orders/:id', ({ id }) => orders.order(id)],
  ].map(([method, path, handler]) => ({
    method,
    path,
    handler,
    pattern: new RegExp(`^${path.replace(/:(\w+)/g, '(?<$1>[\\w-]+)')}$`),
  }));

  async function answer(request) {
    const url = new URL(request.url, 'http://shop');
    const matching = routes.filter(({ pattern }) => pattern.test(url.pathname));
    const route = matching.find(({ method }) => method === request.method);
    if (!route) {
      return matching.length
        ? { route: matching[0].path, status: 405, body: { error: `use ${matching.map(({ method }) => method).join(' or ')}` } }
        : { route: 'none', status: 404, body: { error: `no such page: ${url.pathname}` } };
    }
    try {
      const result = await route.handler(route.pattern.exec(url.pathname).groups ?? {}, url.searchParams, request);
      const [status, body] = Array.isArray(result) ? result : [200, result];
      return { route: route.path, status, body };
    } catch (problem) {
      if (problem instanceof Refused) return { route: route.path, status: problem.status, body: { error: problem.message } };
      log.error('request failed', { route: route.path, error: problem.stack });
      return { route: route.path, status: 500, body: { error: 'internal error' } };
    }
  }

  async function handle(request, response) {
    const start = process.hrtime.bigint();
    const { route, status, body } = await answer(request);
    const text = typeof body === 'string';
    response.writeHead(status, { ...SECURITY_HEADERS, 'content-type': text ? 'text/plain; version=0.0.4' : 'application/json' });
    response.end(text ? body : JSON.stringify(body) + '\n');
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const labels = { method: request.method, route, status };
    metrics.count('shop_requests_total', 'Requests answered.', labels);
    metrics.observe('shop_request_seconds', 'Time to answer.', seconds, { route });
    log.debug('request', { ...labels, url: request.url, seconds });
  }

  return { handle, state, metrics };
}

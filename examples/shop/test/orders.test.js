import assert from 'node:assert/strict';
import test from 'node:test';
import { Catalogue } from '../src/catalogue.js';
import { Orders, Refused } from '../src/orders.js';

const shop = () => {
  const catalogue = new Catalogue();
  return { catalogue, orders: new Orders(catalogue, () => new Date('2026-03-29T01:30:00Z')) };
};
const refused = (status) => (problem) => problem instanceof Refused && problem.status === status;

test('a cart is filled, changed and checked out', () => {
  const { catalogue, orders } = shop();
  const { id } = orders.open();
  orders.put(id, 'rope', 3);
  orders.put(id, 'lamp', 1);
  const cart = orders.put(id, 'rope', 2);
  assert.deepEqual(cart.lines.map(({ sku, quantity }) => [sku, quantity]), [['rope', 2], ['lamp', 1]]);
  const order = orders.checkout(id);
  assert.equal(order.total, 2 * 1299 + 3175 + 590);
  assert.equal(catalogue.get('rope').stock, 98);
  assert.deepEqual(orders.order(order.id), order);
  assert.throws(() => orders.view(id), refused(404));
});

test('an order is dated in UTC whatever the machine\'s time zone', () => {
  const { orders } = shop();
  const { id } = orders.open();
  orders.put(id, 'whistle', 1);
  assert.equal(orders.checkout(id).at, '2026-03-29T01:30:00.000Z');
});

test('quantity 0 removes an article', () => {
  const { orders } = shop();
  const { id } = orders.open();
  orders.put(id, 'rope', 3);
  assert.deepEqual(orders.put(id, 'rope', 0).lines, []);
});

test('what cannot be sold is refused', () => {
  const { catalogue, orders } = shop();
  const { id } = orders.open();
  assert.throws(() => orders.checkout(id), refused(422));
  assert.throws(() => orders.put(id, 'boat', 1), refused(404));
  for (const quantity of [-1, 1.5, 1001, '2', undefined]) assert.throws(() => orders.put(id, 'rope', quantity), refused(422));
  orders.put(id, 'rope', 1);
  orders.put(id, 'anchor', 13);
  assert.throws(() => orders.checkout(id), refused(409));
  assert.equal(catalogue.get('rope').stock, 100, 'nothing was taken for an order that failed');
});

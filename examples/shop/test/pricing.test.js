import assert from 'node:assert/strict';
import test from 'node:test';
import { cartTotal, formatCents, lineTotal } from '../src/pricing.js';

test('ten pieces of an article are 5 % off, fifty are 10 % off', () => {
  assert.equal(lineTotal(1000, 9), 9000);
  assert.equal(lineTotal(1000, 10), 9500);
  assert.equal(lineTotal(1000, 50), 45000);
});

test('a discount rounds to the cent', () => {
  assert.equal(lineTotal(333, 10), 3164);
});

test('shipping is free from 100 euros, and for an empty cart', () => {
  assert.deepEqual(cartTotal([{ cents: 9999, quantity: 1 }]), { goods: 9999, shipping: 590, total: 10589, vat: 1691 });
  assert.equal(cartTotal([{ cents: 10000, quantity: 1 }]).shipping, 0);
  assert.equal(cartTotal([]).total, 0);
});

test('cents are written with two digits', () => {
  assert.equal(formatCents(5), '€0.05');
  assert.equal(formatCents(123450), '€1234.50');
});

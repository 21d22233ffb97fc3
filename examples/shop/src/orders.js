// Carts and orders, in memory: a cart is a map of sku to quantity, an order is frozen.

import { randomUUID } from 'node:crypto';
import { cartTotal } from './pricing.js';

const MAX_QUANTITY = 1000;
const MAX_CARTS = 10000;

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Orders {
  #carts = new Map();
  #orders = new Map();

  constructor(catalogue, now = () => new Date()) {
    this.catalogue = catalogue;
    this.now = now;
  }

  open() {
    if (this.#carts.size >= MAX_CARTS) throw new Refused(503, 'too many open carts');
    const id = randomUUID();
    this.#carts.set(id, new Map());
    return { id, lines: [], ...cartTotal([]) };
  }

  #cart(id) {
    const cart = this.#carts.get(id);
    if (!cart) throw new Refused(404, `no cart ${id}`);
    return cart;
  }

  #lines(cart) {
    return [...cart].map(([sku, quantity]) => {
      const { name, cents } = this.catalogue.get(sku);
      return { sku, name, cents, quantity };
    });
  }

  view(id) {
    const lines = this.#lines(this.#cart(id));
    return { id, lines, ...cartTotal(lines) };
  }

  // Sets the quantity of an article; 0 removes it.
  put(id, sku, quantity) {
    const cart = this.#cart(id);
    if (!this.catalogue.get(sku)) throw new Refused(404, `no article ${sku}`);
    if (!Number.isInteger(quantity) || quantity < 0 || quantity > MAX_QUANTITY) {
      throw new Refused(422, `quantity must be a whole number from 0 to ${MAX_QUANTITY}`);
    }
    if (quantity === 0) cart.delete(sku);
    else cart.set(sku, quantity);
    return this.view(id);
  }

  checkout(id) {
    const cart = this.#cart(id);
    const lines = this.#lines(cart);
    if (lines.length === 0) throw new Refused(422, 'the cart is empty');
    const short = this.catalogue.take(lines);
    if (short) throw new Refused(409, `not enough of ${short.sku} in stock`);
    const order = Object.freeze({ id: randomUUID(), at: this.now().toISOString(), lines, ...cartTotal(lines) });
    this.#orders.set(order.id, order);
    this.#carts.delete(id);
    return order;
  }

  order(id) {
    const order = this.#orders.get(id);
    if (!order) throw new Refused(404, `no order ${id}`);
    return order;
  }
}

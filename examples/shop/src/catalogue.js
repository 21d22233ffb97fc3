// What the shop sells. Prices are whole cents: money is never a fraction.

const ITEMS = [
  { sku: 'anchor', name: 'Anchor, 5 kg', cents: 4990, stock: 12 },
  { sku: 'compass', name: 'Compass', cents: 2450, stock: 40 },
  { sku: 'lamp', name: 'Storm lamp', cents: 3175, stock: 25 },
  { sku: 'rope', name: 'Rope, 10 m', cents: 1299, stock: 100 },
  { sku: 'whistle', name: 'Signal whistle', cents: 350, stock: 500 },
];

export class Catalogue {
  #items = new Map(ITEMS.map((item) => [item.sku, { ...item }]));

  list() {
    return [...this.#items.values()].map((item) => ({ ...item }));
  }

  get(sku) {
    const item = this.#items.get(sku);
    return item && { ...item };
  }

  search(words) {
    const wanted = words.toLowerCase();
    return this.list().filter((item) => item.name.toLowerCase().includes(wanted));
  }

  // Takes all lines out of stock, or none: [{sku, quantity}] → undefined, or the first line that cannot be had.
  take(lines) {
    const short = lines.find(({ sku, quantity }) => (this.#items.get(sku)?.stock ?? 0) < quantity);
    if (short) return short;
    for (const { sku, quantity } of lines) this.#items.get(sku).stock -= quantity;
    return undefined;
  }
}

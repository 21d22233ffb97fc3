// The price of a cart, in whole cents.

const VAT_PERCENT = 19;
const FREE_SHIPPING_FROM = 10000;
const SHIPPING = 590;

// 5 % off from ten pieces of one article, 10 % from fifty.
const discountPercent = (quantity) => (quantity >= 50 ? 10 : quantity >= 10 ? 5 : 0);

export function lineTotal(cents, quantity) {
  return Math.round((cents * quantity * (100 - discountPercent(quantity))) / 100);
}

export function cartTotal(lines) {
  const goods = lines.reduce((sum, { cents, quantity }) => sum + lineTotal(cents, quantity), 0);
  const shipping = goods === 0 || goods >= FREE_SHIPPING_FROM ? 0 : SHIPPING;
  const total = goods + shipping;
  return { goods, shipping, total, vat: Math.round((total * VAT_PERCENT) / (100 + VAT_PERCENT)) };
}

export const formatCents = (cents) => `€${Math.trunc(cents / 100)}.${String(Math.abs(cents % 100)).padStart(2, '0')}`;

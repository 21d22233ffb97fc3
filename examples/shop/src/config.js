// Settings come from the environment, are checked once, and are never read anywhere else.

const number = (low, high) => (text) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < low || value > high) throw new Error(`a whole number from ${low} to ${high}`);
  return value;
};
const oneOf = (...words) => (text) => {
  if (!words.includes(text)) throw new Error(`one of ${words.join(', ')}`);
  return text;
};
const text = (value) => value;

const SETTINGS = {
  host: ['SHOP_HOST', '127.0.0.1', text],
  port: ['SHOP_PORT', '8080', number(0, 65535)],
  version: ['SHOP_VERSION', 'dev', text],
  logLevel: ['SHOP_LOG', 'info', oneOf('debug', 'info', 'warn', 'error', 'off')],
  drainMs: ['SHOP_DRAIN_MS', '5000', number(0, 600000)],
  maxBody: ['SHOP_MAX_BODY', '65536', number(1, 16777216)],
};

export function readConfig(env = process.env) {
  const config = {};
  for (const [name, [variable, fallback, parse]] of Object.entries(SETTINGS)) {
    const given = env[variable] ?? fallback;
    try {
      config[name] = parse(given);
    } catch (problem) {
      throw new Error(`${variable}=${given}: expected ${problem.message}`);
    }
  }
  return Object.freeze(config);
}

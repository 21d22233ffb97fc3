// One JSON object per line on stderr.

const LEVELS = ['debug', 'info', 'warn', 'error', 'off'];

export function makeLog(level, write = (line) => process.stderr.write(line)) {
  const from = LEVELS.indexOf(level);
  const at = (name) => (message, fields = {}) => {
    if (LEVELS.indexOf(name) >= from) write(JSON.stringify({ time: new Date().toISOString(), level: name, message, ...fields }) + '\n');
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

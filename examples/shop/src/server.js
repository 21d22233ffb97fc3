// Starts the service; on SIGTERM or SIGINT it stops being ready, answers what is under way and ends.

import { createServer } from 'node:http';
import { makeApp } from './app.js';
import { readConfig } from './config.js';
import { makeLog } from './log.js';

let config;
try {
  config = readConfig();
} catch (problem) {
  process.stderr.write(`shop: ${problem.message}\n`);
  process.exit(2);
}

const log = makeLog(config.logLevel);
const app = makeApp(config, log);
const server = createServer(app.handle);

server.on('error', (problem) => {
  log.error('cannot listen', { host: config.host, port: config.port, error: problem.message });
  process.exit(1);
});
server.listen(config.port, config.host, () => {
  const { address, port } = server.address();
  log.info('listening', { url: `http://${address}:${port}`, version: config.version });
});

let stopping = false;
function stop(signal) {
  if (stopping) return;
  stopping = true;
  app.state.ready = false;
  log.info('draining', { signal });
  server.close(() => {
    log.info('stopped');
    process.exit(0);
  });
  server.closeIdleConnections();
  setTimeout(() => {
    log.warn('requests were cut off', { after_ms: config.drainMs });
    process.exit(1);
  }, config.drainMs).unref();
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);

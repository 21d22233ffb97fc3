import { existsSync } from 'node:fs';

const { STATE_junit: junit, STATE_failures: failures } = process.env;
if (junit) console.log(`${junit}: ${failures} failures reported${existsSync(junit) ? '' : ', the file is gone by now'}`);

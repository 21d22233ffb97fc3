import { appendFileSync } from 'node:fs';

appendFileSync(process.env.GITHUB_STATE, `started=${Date.now()}\n`);

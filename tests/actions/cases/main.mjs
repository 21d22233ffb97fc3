// The one action of these tests: runs a case. An assertion that fails fails the step.
// What Node.js 18 (Debian 12) lacks of what the newest packages take for granted.
globalThis.crypto ??= (await import('node:crypto')).webcrypto
globalThis.File ??= (await import('node:buffer')).File
await import(`./${process.env.INPUT_CASE}.mjs`)

// The one action of these tests: runs a case. An assertion that fails fails the step.
await import(`./${process.env.INPUT_CASE}.mjs`)

// Judges SARIF files by the schema: node validate.js PACKAGES FILE…
"use strict";
const fs = require("fs");
const path = require("path");

const [packages, ...files] = process.argv.slice(2);
const from = (name) => path.join(packages, "node_modules", name);
const Ajv = require(from("ajv"));
const ajv = new Ajv({ schemaId: "auto", allErrors: true, unknownFormats: "ignore" });
ajv.addMetaSchema(require(from("ajv/lib/refs/json-schema-draft-04.json")));
const schemas = from("@microsoft/jest-sarif/lib/schemas");
const valid = ajv.compile(require(path.join(schemas, fs.readdirSync(schemas)[0])));

let failed = 0;
for (const file of files) {
  if (valid(JSON.parse(fs.readFileSync(file, "utf8")))) continue;
  failed++;
  console.error(`${file}: ${ajv.errorsText(valid.errors, { separator: "\n  " })}`);
}
process.exit(failed ? 1 : 0);

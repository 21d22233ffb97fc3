// Judges CycloneDX files by the schema: node validate.js PACKAGES FILE…
"use strict";
const fs = require("fs");
const path = require("path");

const [packages, ...files] = process.argv.slice(2);
const from = (name) => path.join(packages, "node_modules", name);
const Ajv = require(from("ajv")).default;
const ajv = new Ajv({ strict: false, allErrors: true });
require(from("ajv-formats")).default(ajv);
require(from("ajv-formats-draft2019"))(ajv);
const schema = (name) => {
  const file = from(`@cyclonedx/cyclonedx-library/res/schema/${name}.SNAPSHOT.schema.json`);
  const text = JSON.parse(fs.readFileSync(file, "utf8"));
  text.$id = `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`; // as they refer to each other
  return text;
};
for (const name of ["spdx", "jsf-0.82", "cryptography-defs"]) ajv.addSchema(schema(name));
const valid = ajv.compile(schema("bom-1.6"));

let failed = 0;
for (const file of files) {
  if (valid(JSON.parse(fs.readFileSync(file, "utf8")))) continue;
  failed++;
  console.error(`${file}: ${ajv.errorsText(valid.errors, { separator: "\n  " })}`);
}
process.exit(failed ? 1 : 0);

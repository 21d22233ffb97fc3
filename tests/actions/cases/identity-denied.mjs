import * as core from '@actions/core'
import {assert} from './common.mjs'

assert.equal(process.env.ACTIONS_ID_TOKEN_REQUEST_URL, undefined)
await assert.rejects(core.getIDToken(), /ACTIONS_ID_TOKEN_REQUEST/)
const response = await fetch(`${process.env.ACTIONS_RESULTS_URL}identity/token`,
  {headers: {authorization: `Bearer ${process.env.ACTIONS_RUNTIME_TOKEN}`}})
assert.equal(response.status, 401)

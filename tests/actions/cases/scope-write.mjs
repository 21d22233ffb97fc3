import * as cache from '@actions/cache'
import {assert, folder} from './common.mjs'

folder('kept', {'who.txt': process.env.GITHUB_REF})
assert.ok((await cache.saveCache(['kept'], 'scoped')) > 0)

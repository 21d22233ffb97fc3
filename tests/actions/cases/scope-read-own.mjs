import * as cache from '@actions/cache'
import {assert, fs} from './common.mjs'

assert.equal(await cache.restoreCache(['kept'], 'scoped'), 'scoped')
assert.equal(fs.readFileSync('kept/who.txt', 'utf8'), process.env.GITHUB_REF)
assert.match(process.env.GITHUB_REF, /^refs\/pull\//)

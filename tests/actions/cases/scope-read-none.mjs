import * as cache from '@actions/cache'
import {assert} from './common.mjs'

assert.equal(await cache.restoreCache(['kept'], 'scoped', ['sco']), undefined)

import * as cache from '@actions/cache'
import {assert} from './common.mjs'

const found = []
for (const key of ['a', 'b', 'c', 'd']) {
  if (await cache.restoreCache(['kept'], key, [], {lookupOnly: true})) found.push(key)
}
assert.deepEqual(found, ['a', 'c', 'd'])

import * as cache from '@actions/cache'
import {assert, folder, random} from './common.mjs'

for (const key of ['a', 'b', 'c', 'd']) {
  folder('kept', {'data.bin': random(1e6)})
  assert.ok((await cache.saveCache(['kept'], key)) > 0)
  // Used again, so that it is not the oldest.
  assert.equal(await cache.restoreCache(['kept'], 'a', [], {lookupOnly: true}), 'a')
}

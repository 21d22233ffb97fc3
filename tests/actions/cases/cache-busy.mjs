import * as cache from '@actions/cache'
import {assert, folder} from './common.mjs'

// The other runs save under the same keys at the same time: one of each is kept, and found by all.
for (let i = 0; i < 8; i++) {
  folder('kept', {'data.txt': `${i} `.repeat(1000)})
  await cache.saveCache(['kept'], `shared-${i}`)
  assert.equal(await cache.restoreCache(['kept'], `shared-${i}`), `shared-${i}`)
}

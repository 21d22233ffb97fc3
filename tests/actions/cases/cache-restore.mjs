import * as cache from '@actions/cache'
import * as cacheV3 from 'cache-v3'
import * as cacheV4 from 'cache-v4'
import {assert, fs} from './common.mjs'

const data = fs.readFileSync(`${process.env.SHARED}/data`)
for (const [name, client] of Object.entries({new: cache, v3: cacheV3, v4: cacheV4})) {
  assert.equal(await client.restoreCache(['kept'], `${name}-linux-1`), `${name}-linux-1`)
  assert.deepEqual(fs.readFileSync('kept/data.bin'), data)
  assert.equal(fs.readFileSync('kept/deep/er.txt', 'utf8'), 'text')
  fs.rmSync('kept', {recursive: true})
  // Another path is another version of the cache.
  assert.equal(await client.restoreCache(['other'], `${name}-linux-1`), undefined)
  assert.equal(await client.restoreCache(['kept'], 'nothing', ['nor-this']), undefined)
}
// The newest that begins so; the first key that has one.
assert.equal(await cache.restoreCache(['kept'], 'new-linux-9', ['new-linux-', 'v4-']), 'new-linux-2')
assert.equal(fs.readFileSync('kept/deep/er.txt', 'utf8'), 'newer')
assert.equal(await cache.restoreCache(['kept'], 'x', ['y', 'v4-', 'new-'], {lookupOnly: true}), 'v4-linux-1')

import * as cache from '@actions/cache'
import * as cacheV3 from 'cache-v3'
import * as cacheV4 from 'cache-v4'
import {assert, folder, fs, random} from './common.mjs'

const data = random(300e3)
fs.writeFileSync(`${process.env.SHARED}/data`, data)
folder('kept', {'data.bin': data, 'deep/er.txt': 'text'})
for (const [name, client] of Object.entries({new: cache, v3: cacheV3, v4: cacheV4})) {
  assert.ok((await client.saveCache(['kept'], `${name}-linux-1`)) > 0, name)
  // A key is written once.
  assert.equal(await client.saveCache(['kept'], `${name}-linux-1`), -1, name)
}
fs.writeFileSync('kept/deep/er.txt', 'newer')
assert.ok((await cache.saveCache(['kept'], 'new-linux-2')) > 0)

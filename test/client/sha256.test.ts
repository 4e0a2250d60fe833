import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createHash } from '../../services/client/sha256.ts'
import { sha256Of } from './support.ts'

t.test('the hash of browsers is SHA-256, for every length around its blocks and however the input is cut', async t => {
  for (let length = 0; length <= 200; length++) {
    const bytes = randomBytes(length)
    for (const step of [1, 7, 63, 64, 65, 200]) {
      const hash = createHash()
      for (let at = 0; at < length; at += step) hash.update(bytes.subarray(at, at + step))
      if (hash.hex() !== sha256Of(bytes)) t.fail(`${length} bytes in pieces of ${step}`)
    }
  }
  const large = randomBytes(5_000_001)
  const hash = createHash()
  hash.update(large)
  t.equal(hash.hex(), sha256Of(large))
})

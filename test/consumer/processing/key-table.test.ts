import t from 'tap'
import { KeyTable } from '../../../services/consumer/processing/key-table.ts'
import { hashOf } from '../../../services/consumer/processing/lane-of.ts'

interface Entry {
  readonly key: string
  readonly hash: number
  next: Entry | undefined
}

const entryOf = (key: string, hash = hashOf(key)): Entry => ({ key, hash, next: undefined })

t.test('an entry is found by its key until it is deleted', async t => {
  const table = new KeyTable<Entry>()
  const known = new Map<string, Entry>()
  let state = 1
  const random = (below: number) => {
    state = Math.imul(state, 48_271) >>> 0
    return state % below
  }
  // Up to thousands of keys and down to none, so that the table grows and shrinks.
  for (let step = 0; step < 40_000; step++) {
    const key = `key-${random(5_000)}`
    const entry = known.get(key)
    if (table.find(key) !== entry) return t.fail(`step ${step}: ${key}`)
    const grows = step % 20_000 < 10_000
    if (!entry && grows) {
      const made = entryOf(key)
      table.add(made)
      known.set(key, made)
    } else if (entry && !grows) {
      table.delete(entry)
      known.delete(key)
    }
    if (table.size !== known.size) return t.fail(`step ${step}: ${table.size} entries, not ${known.size}`)
  }
  for (const [key, entry] of known) if (table.find(key) !== entry) t.fail(key)
  t.pass('at every step')
})

t.test('keys with the same hash are distinguished, in whatever order they are deleted', async t => {
  for (const gone of [0, 1, 2]) {
    const table = new KeyTable<Entry>()
    const entries = ['a', 'b', 'c'].map(key => entryOf(key, 7))
    for (const entry of entries) table.add(entry)
    const [out] = entries.splice(gone, 1)
    if (out) table.delete(out)
    t.equal(out && table.find(out.key, 7), undefined)
    for (const entry of entries) t.equal(table.find(entry.key, 7), entry)
  }
})

t.test('the hash distributes similar keys evenly', async t => {
  const buckets = new Set(Array.from({ length: 64 }, (_, i) => hashOf(`customer-${i}`) & 63))
  t.ok(buckets.size > 32, `64 keys in ${buckets.size} of 64 buckets`)
})

import t from 'tap'
import { findHole, overlaps } from '../../../services/consumer/shards/hash-range.ts'

const LAST = 2n ** 128n - 1n
const range = (start: bigint, end: bigint) => ({ startingHashKey: String(start), endingHashKey: String(end) })

t.test('adjacent ranges in any order cover every hash key', async t => {
  t.equal(findHole([range(0n, LAST)]), undefined)
  t.equal(findHole([range(101n, LAST), range(0n, 50n), range(51n, 100n)]), undefined)
  t.equal(findHole([range(0n, LAST), range(5n, 10n)]), undefined, 'a parent and its child overlap')
})

t.test('the first hash key in a hole is found, at the start, between two ranges and at the end', async t => {
  t.equal(findHole([range(1n, LAST)]), 0n)
  t.equal(findHole([range(0n, 49n), range(51n, LAST)]), 50n)
  t.equal(findHole([range(0n, LAST - 1n)]), LAST)
  t.equal(findHole([]), 0n)
})

t.test('an unknown range covers nothing', async t => {
  t.equal(findHole([{ startingHashKey: undefined, endingHashKey: undefined }]), 0n)
})

t.test('two ranges overlap if they share a hash key, and an unknown range overlaps with every other', async t => {
  t.ok(overlaps(range(0n, 10n), range(10n, 20n)))
  t.notOk(overlaps(range(0n, 9n), range(10n, 20n)))
  t.notOk(overlaps(range(10n, 20n), range(0n, 9n)), 'compared as numbers, not as digits')
  t.ok(overlaps(range(0n, LAST), range(5n, 6n)))
  t.ok(overlaps({ startingHashKey: undefined, endingHashKey: undefined }, range(5n, 6n)))
})

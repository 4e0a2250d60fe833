import t from 'tap'
import { createOwnerTurns } from '../../services/worker/lambda/owner-turns.ts'

const ownerOf = (lane: string) => lane.slice(0, 1)
const many = (owner: string, count: number) => Array.from({ length: count }, (_, n) => `${owner}${n}`)

t.test('owners take turns, and lanes of one owner keep their order', async t => {
  const turns = createOwnerTurns(['a1', 'a2', 'a3', 'b1', 'c1', 'c2'], { ownerOf, concurrency: 16 })
  const taken = Array.from({ length: 7 }, () => turns.take()?.lane)
  t.same(taken, ['a1', 'b1', 'c1', 'a2', 'c2', 'a3', undefined])
})

t.test('an owner has at most three quarters of the running lanes while other owners wait', async t => {
  const turns = createOwnerTurns([...many('a', 100), ...many('b', 30)], { ownerOf, concurrency: 16 })
  const running: string[] = []
  const take = () => {
    const owner = turns.take()?.owner
    if (owner) running.push(owner)
  }
  for (let n = 0; n < 16; n++) take()
  for (let left = 22; left > 0; left--) {
    t.ok(running.filter(owner => owner === 'a').length <= 12)
    // The lanes of owner a never end.
    running.splice(running.indexOf('b'), 1)
    turns.release('b')
    take()
  }
  t.equal(running.length, 16)
  while (running.includes('b')) {
    running.splice(running.indexOf('b'), 1)
    turns.release('b')
    take()
  }
  t.same(new Set(running), new Set(['a']))
  t.equal(running.length, 16)
})

for (const concurrency of [1, 2, 3, 5, 16]) {
  t.test(`every lane runs with a concurrency of ${concurrency}`, async t => {
    const lanes = [...many('a', 40), ...many('b', 7), ...many('c', 1)]
    const turns = createOwnerTurns(lanes, { ownerOf, concurrency })
    const seen: string[] = []
    const run = async (n: number) => {
      for (let turn = turns.take(); turn; turn = turns.take()) {
        seen.push(turn.lane)
        for (let i = 0; i < (turn.owner === 'a' ? 5 : n % 3); i++) await undefined
        turns.release(turn.owner)
      }
    }
    await Promise.all(Array.from({ length: concurrency }, (_, n) => run(n)))
    t.same(seen.toSorted(), lanes.toSorted())
  })
}

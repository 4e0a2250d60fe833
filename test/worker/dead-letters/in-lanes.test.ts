import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { inLanes } from '../../../services/worker/dead-letters/in-lanes.ts'

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

t.test(
  'inLanes limits the items in flight, runs the items of a lane one after the other, and returns results in order',
  async t => {
    const gates = new Map(['a1', 'a2', 'b1', 'c1', 'd1'].map(item => [item, Promise.withResolvers<void>()]))
    const started: string[] = []
    const results = inLanes(from([...gates.keys()]), { concurrency: 3, laneOf: item => item.charAt(0) }, async item => {
      started.push(item)
      await gates.get(item)?.promise
      return item.toUpperCase()
    })
    const first = results.next()
    // Enough turns of the event loop for all items that may start.
    for (let turn = 0; turn < 20; turn++) await setImmediate()
    t.strictSame(started, ['a1', 'b1'], 'a2 waits for a1, and c1 for a place')
    gates.get('a1')?.resolve()
    t.equal((await first).value, 'A1')
    for (const { resolve } of gates.values()) resolve()
    const rest: string[] = []
    for await (const result of results) rest.push(result)
    t.strictSame(rest, ['A2', 'B1', 'C1', 'D1'])
  },
)

t.test('an error is thrown in the order of the items and ends the iteration', async t => {
  const results = inLanes(from([1, 2, 3]), { concurrency: 3 }, async n => {
    if (n === 2) throw new Error('two')
    return n
  })
  t.equal((await results.next()).value, 1)
  await t.rejects(results.next(), { message: 'two' })
})

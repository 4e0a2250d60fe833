import { queryObjects } from 'node:v8'
import t from 'tap'
import { simulate } from './simulate.ts'
import { World } from './world.ts'

t.test('A finished run retains no memory, whatever its workers waited for when they were killed', async t => {
  for (let seed = 1; seed <= 40; seed++) await simulate(seed)
  // A field of the runner may still refer to the last run.
  t.ok(queryObjects(World, { format: 'count' }) <= 1)
})

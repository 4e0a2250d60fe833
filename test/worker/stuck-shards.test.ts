import t from 'tap'
import { createStuckShards } from '../../services/worker/stuck-shards.ts'

const MINUTE = 60_000
const shard = (checkpoint: string, pending: number, shardId = 'shardId-0') => ({ shardId, checkpoint, pending })

t.test('a shard is stuck that stands still with records under way', async t => {
  const look = createStuckShards(15 * MINUTE)
  t.strictSame(look([shard('1', 3)], 0), [])
  t.strictSame(look([shard('1', 3)], 14 * MINUTE), [])
  t.strictSame(look([shard('1', 3)], 15 * MINUTE), ['shardId-0'])
  t.strictSame(look([shard('2', 3)], 16 * MINUTE), [], 'it moves again')
})

t.test('an idle shard is not stuck, nor one that was idle until now', async t => {
  const look = createStuckShards(15 * MINUTE)
  look([shard('1', 0)], 0)
  t.strictSame(look([shard('1', 0)], 60 * MINUTE), [])
  t.strictSame(look([shard('1', 1)], 61 * MINUTE), [])
  t.strictSame(look([shard('1', 1)], 75 * MINUTE), [])
  t.strictSame(look([shard('1', 1)], 76 * MINUTE), ['shardId-0'])
})

t.test('a shard that was given up and comes back begins anew', async t => {
  const look = createStuckShards(15 * MINUTE)
  look([shard('1', 1), shard('9', 1, 'shardId-1')], 0)
  look([shard('9', 1, 'shardId-1')], 10 * MINUTE)
  t.strictSame(look([shard('1', 1), shard('9', 1, 'shardId-1')], 20 * MINUTE), ['shardId-1'])
})

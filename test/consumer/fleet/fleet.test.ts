import { setTimeout as pass } from 'node:timers/promises'
import { SplitShardCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { STREAM, startStream } from '../support.ts'
import { assembleFleet } from './fleet.ts'

const FAILOVER_MS = 2_000
const settings = { keys: 24, failoverMs: FAILOVER_MS, workMs: 20 }

t.test('no record is lost and no key is out of order while workers join, stop and are killed with kill -9', async t => {
  const stream = await startStream(t, { shards: 4 })
  const fleet = assembleFleet(t, stream, settings)
  await fleet.put(200)
  fleet.join('a')
  const b = fleet.join('b')
  await fleet.untilHolds('b', 2)
  await fleet.put(200)
  b.child.kill('SIGKILL')
  const c = fleet.join('c')
  await fleet.put(200)
  await fleet.untilHolds('c', 2)
  c.child.kill('SIGTERM')
  t.same(await c.ended, { code: 0, signal: null })
  fleet.join('d')
  await fleet.put(200)
  await fleet.untilHandled()
  t.same(fleet.violations(), [])
})

t.test(
  'a worker that was suspended for longer than the failover time does nothing more with its former leases',
  async t => {
    const stream = await startStream(t, { shards: 2 })
    const fleet = assembleFleet(t, stream, settings)
    await fleet.put(300)
    const sleeper = fleet.join('sleeper')
    await fleet.untilHolds('sleeper', 2)
    fleet.join('heir')
    await fleet.untilHolds('heir', 1)
    sleeper.child.kill('SIGSTOP')
    await fleet.untilHolds('heir', 2)
    await fleet.put(100)
    sleeper.child.kill('SIGCONT')
    await fleet.untilHolds('sleeper', 1)
    await fleet.put(100)
    await fleet.untilHandled()
    t.same(fleet.violations(), [])
  },
)

t.test('no record is lost while a fleet is replaced worker by worker and a shard is split', async t => {
  const stream = await startStream(t, { shards: 2 })
  const fleet = assembleFleet(t, stream, settings)
  const old = [fleet.join('old-1'), fleet.join('old-2')]
  await fleet.put(200)
  await fleet.untilHolds('old-1', 1)
  const middle = String(2n ** 126n)
  const split = { StreamName: STREAM, ShardToSplit: 'shardId-000000000000', NewStartingHashKey: middle }
  await stream.kinesis.send(new SplitShardCommand(split))
  for (const [index, worker] of old.entries()) {
    fleet.join(`new-${index}`)
    await fleet.put(100)
    worker.child.kill('SIGTERM')
    t.same(await worker.ended, { code: 0, signal: null })
    await pass(200) // Like a deployment: the next one after the last one has ended.
  }
  await fleet.put(100)
  await fleet.untilHandled()
  t.same(fleet.violations(), [])
})

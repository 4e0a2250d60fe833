import path from 'node:path'
import { SplitShardCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { type Program, runProgram, until } from '../../support/processes.ts'
import { STREAM, startStream } from '../support.ts'
import { type FleetEvent, findViolations } from './checker.ts'

const program = path.resolve(import.meta.dirname, 'worker-program.ts')
const KEYS = 24
const FAILOVER_MS = 5_000

function parse({ stdout }: Program): FleetEvent[] {
  const whole = stdout().split('\n').slice(0, -1) // The last line of a killed worker may be cut off.
  return whole.map(line => JSON.parse(line) as FleetEvent)
}

t.test('processes with fan-out take over from each other, also across a split, and lose no record', async t => {
  const stream = await startStream(t, { shards: 2 })
  const workers: Program[] = []
  const sent = new Map<string, number[]>()
  let next = 0
  const put = async (count: number) => {
    const numbers = Array.from({ length: count }, () => next++)
    for (const n of numbers) sent.set(`key-${n % KEYS}`, [...(sent.get(`key-${n % KEYS}`) ?? []), n])
    await stream.put(numbers.map(n => ({ key: `key-${n % KEYS}`, data: String(n) })))
  }
  const join = (name: string) => {
    const { kinesis: KINESIS_URL, dynamodb: DYNAMODB_URL } = stream.urls
    const env = { KINESIS_URL, DYNAMODB_URL, WORKER_ID: name, FAILOVER_MS: String(FAILOVER_MS), WORK_MS: '5' }
    const worker = runProgram(t, [program], { env: { ...env, FAN_OUT: 'the-fleet' } })
    workers.push(worker)
    return worker
  }
  const events = () => workers.flatMap(parse)
  const untilHolds = (name: string) => {
    const acquired = () => events().some(({ event, worker }) => event === 'acquired' && worker === name)
    return until(acquired, { timeoutMs: 60_000, what: `a shard for ${name}` })
  }

  await put(200)
  const a = join('a')
  await untilHolds('a')
  const b = join('b')
  await put(200)
  await untilHolds('b')
  b.child.kill('SIGKILL')
  const NewStartingHashKey = String(2n ** 126n)
  const split = { StreamName: STREAM, ShardToSplit: 'shardId-000000000000', NewStartingHashKey }
  await stream.kinesis.send(new SplitShardCommand(split))
  await put(200)
  join('c')
  await untilHolds('c')
  a.child.kill('SIGTERM')
  t.same(await a.ended, { code: 0, signal: null })
  await put(100)
  const handled = () => new Set(events().flatMap(one => (one.event === 'handled' ? [one.n] : []))).size
  await until(() => handled() === next, { timeoutMs: 120_000, what: `the end of ${next} records` })
  t.same(findViolations({ sent, events: events(), checkpoints: new Map() }), [])
})

import path from 'node:path'
import t from 'tap'
import { ReadLimits } from '../../bench/shards/read-limits.ts'
import { createBacklog } from '../../bench/shards/replies.ts'
import { decodeRecordsReply } from '../../services/consumer/kinesis/cbor/records-reply.ts'
import { runProgram } from '../support/processes.ts'

const run = path.resolve(import.meta.dirname, '../../bench/run.ts')
const MIB = 1024 ** 2

t.test(
  'the benchmark of neighbours measures one and two applications, and none reports throttling as a fault',
  async t => {
    const program = runProgram(t, [run, 'neighbours', '--quick', '--json'])
    t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
    const { figures } = JSON.parse(program.stdout())
    for (const name of ['1 applications', '2 applications']) {
      t.ok(figures[name].p50Ms.median > 0, name)
      t.ok(figures[name].p99Ms.median >= figures[name].p50Ms.median, name)
      t.equal(figures[name].faultsPerMinute.max, 0, name)
    }
  },
)

t.test('a shard of the benchmark allows five calls and two MiB a second', async t => {
  const limits = new ReadLimits()
  t.same(
    [0, 1, 2, 3, 4, 5, 999].map(now => limits.admit(now)),
    [true, true, true, true, true, false, false],
  )
  t.ok(limits.admit(1_000), 'the first call is a second ago')
  t.equal(limits.throttled, 2)
  limits.charge(10 * MIB, 5_000)
  t.notOk(limits.admit(8_999), 'a reply of 10 MiB takes five seconds, the last one included')
  t.ok(limits.admit(9_000))
})

t.test('a full shard of the benchmark sends as many records as it is asked for, up to 10 MiB', async t => {
  const backlog = createBacklog(1_024)
  const few = backlog(7, 3, records => `next-${records}`)
  const { records, nextIterator, millisBehindLatest } = decodeRecordsReply(few.reply, 'shard').reply
  t.equal(nextIterator, 'next-3')
  t.ok(millisBehindLatest > 0)
  t.same(
    records.map(({ data, sequenceNumber }) => [data.length, Number(sequenceNumber.slice(-20))]),
    [7, 8, 9].map(number => [1_024, number]),
  )
  t.equal(new Set(records.map(({ partitionKey }) => partitionKey)).size, 3)
  t.equal(backlog(0, 10_000, () => '').records, 10_000)
  t.equal(createBacklog(MIB)(0, 10_000, () => '').records, 10)
})

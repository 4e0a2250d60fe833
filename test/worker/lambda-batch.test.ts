import t from 'tap'
import { type BatchSettings, processBatch } from '../../services/worker/lambda/batch.ts'
import type { StreamRecord } from '../../services/worker/stream-record.ts'
import { createMemoryLog } from './memory-log.ts'

const { log } = createMemoryLog()

/** Creates records from their partition keys and sequence numbers: `a1 b2 a3` are three records of the keys a and b. */
function batch(words: string): StreamRecord[] {
  return words.split(' ').map(word => ({
    data: Buffer.from(word),
    partitionKey: word.slice(0, 1),
    sequenceNumber: word.slice(1),
    shardId: 'shardId-000000000000',
  }))
}

/** Processes a batch with one attempt per record by default. Resolves to the words of the records that are not done. */
async function run(words: string, process: BatchSettings['process'], settings: Partial<BatchSettings> = {}) {
  const records = batch(words)
  const left = await processBatch(records, { process, log, tries: 1, remainingMs: () => 60_000, ...settings })
  return left.map(({ data }) => Buffer.from(data).toString()).join(' ')
}

const turn = () => new Promise(resolve => setImmediate(resolve))

t.test('a batch whose records all succeed returns no failures', async t => {
  const done: string[] = []
  const process = async ({ sequenceNumber }: StreamRecord) => void done.push(sequenceNumber)
  t.equal(await run('a1 b2 a3 c4', process), '')
  t.strictSame(done.sort(), ['1', '2', '3', '4'])
  t.strictSame(await processBatch([], { process, log, remainingMs: () => 60_000 }), [])
})

t.test('records of one key are processed in order, and those of different keys concurrently', async t => {
  const steps: string[] = []
  const process = async (record: StreamRecord) => {
    const name = record.partitionKey + record.sequenceNumber
    steps.push(`+${name}`)
    await turn()
    steps.push(`-${name}`)
  }
  await run('a1 a2 b3 b4', process)
  t.strictSame(
    steps.filter(step => step.includes('a')),
    ['+a1', '-a1', '+a2', '-a2'],
  )
  t.strictSame(
    steps.filter(step => step.includes('b')),
    ['+b3', '-b3', '+b4', '-b4'],
  )
  t.ok(steps.indexOf('+b3') < steps.indexOf('-a1'), 'b does not wait for a')
})

t.test('records without a key are processed concurrently, and one that fails blocks no other', async t => {
  const records = batch('a1 a2 a3').map(record => ({ ...record, partitionKey: undefined }))
  const begun: string[] = []
  const gate = Promise.withResolvers<void>()
  const process = async ({ sequenceNumber }: StreamRecord) => {
    begun.push(sequenceNumber)
    if (begun.length === 3) gate.resolve()
    await gate.promise
    if (sequenceNumber === '1') throw new Error('poison')
  }
  const left = await processBatch(records, { process, log, tries: 1, remainingMs: () => 60_000 })
  t.strictSame(begun, ['1', '2', '3'])
  t.strictSame(left, records.slice(0, 1))
})

t.test('at most the configured number of records is in flight', async t => {
  let now = 0
  let max = 0
  const process = async () => {
    max = Math.max(max, ++now)
    await turn()
    now--
  }
  await run('a1 b2 c3 d4 e5 f6 g7', process, { concurrency: 3 })
  t.equal(max, 3)
})

t.test('a failed record blocks later records of its key and of no other', async t => {
  const begun: string[] = []
  const process = async ({ partitionKey, sequenceNumber }: StreamRecord) => {
    begun.push(sequenceNumber)
    await turn()
    if (partitionKey === 'a' && sequenceNumber === '5') throw new Error('trouble')
  }
  t.equal(await run('b1 a5 b6 a7 b8', process), 'a5 a7')
  t.strictSame(begun.sort(), ['1', '5', '6', '8'])
})

t.test('a record is retried within the invocation, with the number of its attempt', async t => {
  const attempts: Array<number | undefined> = []
  const process = async (_record: StreamRecord, { attempt }: { attempt?: number }) => {
    attempts.push(attempt)
    if (attempts.length < 3) throw new Error('trouble')
  }
  t.equal(await run('a1', process, { tries: 3 }), '')
  t.strictSame(attempts, [1, 2, 3])
  attempts.length = 0
  t.equal(await run('a1 a2', process, { tries: 2 }), 'a1 a2')
})

t.test('after several failures in a row no further record is started', async t => {
  let begun = 0
  const process = async () => {
    begun++
    throw new Error('S3 is down')
  }
  t.equal(await run('a1 b2 c3 d4 e5 f6', process, { concurrency: 1, failuresInARow: 3 }), 'a1 b2 c3 d4 e5 f6')
  t.equal(begun, 3)
})

t.test(
  'shortly before the timeout no further record is started, and the records that are not done are returned',
  async t => {
    let remaining = 60_000
    const begun: string[] = []
    const process = async ({ sequenceNumber }: StreamRecord) => {
      begun.push(sequenceNumber)
      if (sequenceNumber === '2') remaining = 4_000
    }
    t.equal(await run('a1 a2 a3 a4', process, { remainingMs: () => remaining }), 'a3 a4')
    t.strictSame(begun, ['1', '2'])
  },
)

t.test('records in flight at the end are aborted and returned as not done', async t => {
  const started = performance.now()
  const process = ({ sequenceNumber }: StreamRecord, { signal }: { signal: AbortSignal }) =>
    sequenceNumber === '1'
      ? Promise.resolve()
      : new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const remainingMs = () => 2_000 - (performance.now() - started)
  t.equal(await run('a1 b2 a3', process, { remainingMs }), 'b2 a3')
  t.ok(remainingMs() > 0, 'before the timeout of the function')
})

t.test('a record that ignores its signal does not delay the result of the batch', async t => {
  const started = performance.now()
  const process = ({ sequenceNumber }: StreamRecord) =>
    sequenceNumber === '2' ? new Promise<never>(() => undefined) : Promise.resolve()
  const remainingMs = () => 2_000 - (performance.now() - started)
  t.equal(await run('a1 b2 c3', process, { remainingMs }), 'b2')
  t.ok(remainingMs() > 0)
})

t.test('a function with a short timeout still processes records', async t => {
  let begun = 0
  await run('a1 a2', async () => void begun++, { remainingMs: () => 3_000 })
  t.equal(begun, 2)
})

t.test('many records of one owner do not delay the records of another owner', async t => {
  const record = (userSub: string, n: number): StreamRecord => ({
    data: Buffer.from(JSON.stringify({ userSub })),
    partitionKey: `${userSub} ${n}`,
    sequenceNumber: String(n),
    shardId: 'shardId-000000000000',
  })
  const heavy = Array.from({ length: 100 }, (_, n) => record('heavy', n))
  const light = Array.from({ length: 10 }, (_, n) => record('light', 100 + n))
  const gate = Promise.withResolvers<void>()
  const begun: string[] = []
  const process = async ({ partitionKey = '' }: StreamRecord) => {
    begun.push(partitionKey)
    if (partitionKey.startsWith('heavy')) await gate.promise
    else if (partitionKey === 'light 109') gate.resolve()
  }
  const left = await processBatch([...heavy, ...light], { process, log, remainingMs: () => 60_000 })
  t.same(left, [])
  t.ok(begun.indexOf('light 109') < 30, 'the records of the second owner are done before those of the first')
})

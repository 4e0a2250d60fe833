import t from 'tap'
import { type BatchSettings, processBatch } from '../../services/worker/lambda-batch.ts'
import type { StreamRecord } from '../../services/worker/record.ts'
import { createMemoryLog } from './memory-log.ts'

const { log } = createMemoryLog()

/** `a1 b2 a3` is three records: key and sequence number. */
function batch(words: string): StreamRecord[] {
  return words.split(' ').map(word => ({
    data: Buffer.from(word),
    partitionKey: word.slice(0, 1),
    sequenceNumber: word.slice(1),
    shardId: 'shardId-000000000000',
  }))
}

function run(words: string, process: BatchSettings['process'], settings: Partial<BatchSettings> = {}) {
  return processBatch(batch(words), { process, log, remainingMs: () => 60_000, ...settings })
}

const turn = () => new Promise(resolve => setImmediate(resolve))

t.test('a batch that all went through has no failure', async t => {
  const done: string[] = []
  const process = async ({ sequenceNumber }: StreamRecord) => void done.push(sequenceNumber)
  t.equal(await run('a1 b2 a3 c4', process), undefined)
  t.strictSame(done.sort(), ['1', '2', '3', '4'])
  t.equal(await processBatch([], { process, log, remainingMs: () => 60_000 }), undefined)
})

t.test('the records of a key keep their order, and different keys go side by side', async t => {
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

t.test('no more are under way than the bound', async t => {
  let now = 0
  let most = 0
  const process = async () => {
    most = Math.max(most, ++now)
    await turn()
    now--
  }
  await run('a1 b2 c3 d4 e5 f6 g7', process, { concurrency: 3 })
  t.equal(most, 3)
})

t.test('the lowest failure is returned, by number and not by letter', async t => {
  const failing = (...numbers: string[]) => {
    return async ({ sequenceNumber }: StreamRecord) => {
      if (numbers.includes(sequenceNumber)) throw new Error('trouble')
    }
  }
  t.equal(await run('a9 b10', failing('9', '10')), '9')
  t.equal(await run('a2 b10', failing('10')), '10')
  const huge = [
    '49590338271490256608559692538361571095921575989136588898',
    '5959033827149025660855969253836157109592157598913',
  ]
  t.equal(await run(`a${huge[1]} b${huge[0]}`, failing(...huge)), huge[1])
})

t.test('what comes behind a failure in its key is not begun, what is before it elsewhere is', async t => {
  const begun: string[] = []
  const process = async ({ partitionKey, sequenceNumber }: StreamRecord) => {
    begun.push(sequenceNumber)
    await turn()
    if (partitionKey === 'a' && sequenceNumber === '5') throw new Error('trouble')
    await turn()
  }
  t.equal(await run('b1 a5 b6 a7 b8', process), '5')
  t.ok(begun.includes('1'))
  t.notOk(begun.includes('7'), 'the key of the failure stops')
  t.notOk(begun.includes('8'), 'what would come again anyway is not begun')
})

t.test('a lower record is still done after a higher one failed', async t => {
  const done: string[] = []
  const process = async ({ sequenceNumber }: StreamRecord) => {
    if (sequenceNumber === '9') throw new Error('trouble')
    await turn()
    done.push(sequenceNumber)
  }
  t.equal(await run('a1 b9 a2 a3 a10', process), '9')
  t.strictSame(done, ['1', '2', '3'])
})

t.test('with the time nearly up nothing more is begun, and the first unfinished is returned', async t => {
  let remaining = 60_000
  const begun: string[] = []
  const process = async ({ sequenceNumber }: StreamRecord) => {
    begun.push(sequenceNumber)
    if (sequenceNumber === '2') remaining = 4_000
  }
  t.equal(await run('a1 a2 a3 a4', process, { remainingMs: () => remaining }), '3')
  t.strictSame(begun, ['1', '2'])
})

t.test('what is under way at the end is called off and returned as unfinished', async t => {
  const started = performance.now()
  const process = ({ sequenceNumber }: StreamRecord, { signal }: { signal: AbortSignal }) =>
    sequenceNumber === '1'
      ? Promise.resolve()
      : new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const remainingMs = () => 2_000 - (performance.now() - started)
  t.equal(await run('a1 b2 a3', process, { remainingMs }), '2')
  t.ok(remainingMs() > 0, 'before the function would have been killed')
})

t.test('a record that ignores being called off does not cost the others their answer', async t => {
  const started = performance.now()
  const process = ({ sequenceNumber }: StreamRecord) =>
    sequenceNumber === '2' ? new Promise<never>(() => undefined) : Promise.resolve()
  const remainingMs = () => 2_000 - (performance.now() - started)
  t.equal(await run('a1 b2 c3', process, { remainingMs }), '2')
  t.ok(remainingMs() > 0)
})

t.test('a function with a short time-out gets to work all the same', async t => {
  let begun = 0
  await run('a1 a2', async () => void begun++, { remainingMs: () => 3_000 })
  t.equal(begun, 2)
})

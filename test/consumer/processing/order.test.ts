import t from 'tap'
import { BatchFailure } from '../../../services/consumer/index.ts'
import type { ProcessingOptions } from '../../../services/consumer/processing/processing-options.ts'
import type { BatchContext, ConsumerRecord } from '../../../services/consumer/record.ts'
import { numberOf, type ProcessorFixture, processorOf, recordOf } from './support.ts'

const SEEDS = 60
const RECORDS = 150
const KEYS = 12

/** Mulberry32: the same numbers for the same seed, on every machine. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Handles records with random outcomes, and checks: no record starts before the previous one of its key is settled, and
 * the watermark never passes an unsettled record.
 */
function chaos(seed: number) {
  const random = randomOf(seed)
  const settled = new Set<number>()
  const letters = new Set<number>()
  const running = new Set<number>()
  const faults: string[] = []
  let processing: ProcessorFixture | undefined

  const begin = (number: number) => {
    if (settled.has(number)) faults.push(`${number} is done again`)
    if (running.has(number)) faults.push(`${number} runs twice`)
    running.add(number)
    for (let before = number - KEYS; before >= 0; before -= KEYS) {
      if (!settled.has(before)) faults.push(`${number} starts before ${before} is settled`)
    }
    const reached = Number(processing?.progress().sequenceNumber)
    for (let passed = 0; passed <= reached; passed++) {
      if (!settled.has(passed)) faults.push(`the watermark is at ${reached}, but ${passed} is not settled`)
    }
  }
  const fails = () => {
    const chance = random()
    if (chance < 0.08) throw Object.assign(new Error('down'), { name: 'SlowDown' })
    if (chance < 0.3) throw new Error('no')
    return chance < 0.32
  }
  const work = (context: BatchContext) => {
    if (random() < 0.02) return new Promise<void>(resolve => context.signal.addEventListener('abort', () => resolve()))
    return processing?.clock.sleep(random() * 50)
  }

  const handler = async (record: ConsumerRecord, context: BatchContext) => {
    const number = numberOf(record)
    begin(number)
    try {
      await work(context)
      fails()
      settled.add(number)
    } finally {
      running.delete(number)
    }
  }
  const batchHandler = async (records: readonly ConsumerRecord[], context: BatchContext) => {
    const all = records.map(numberOf)
    const ofKey = new Map<number, number>()
    for (const number of all) {
      const before = ofKey.get(number % KEYS)
      if (before !== undefined && before > number) faults.push(`${number} comes after ${before} in a batch`)
      ofKey.set(number % KEYS, number)
    }
    const firsts = all.filter(number => !all.includes(number - KEYS))
    for (const number of firsts) begin(number)
    try {
      await work(context)
      if (fails()) {
        // All records of the failed keys, as a handler must report that needs their order.
        const bad = new Set([...ofKey.keys()].filter(() => random() < 0.4))
        for (const number of all) if (!bad.has(number % KEYS)) settled.add(number)
        if (bad.size > 0) throw new BatchFailure(records.filter(record => bad.has(numberOf(record) % KEYS)))
      }
      for (const number of all) settled.add(number)
    } finally {
      for (const number of firsts) running.delete(number)
    }
  }
  const options: ProcessingOptions = {
    ...(seed % 2 ? { handler } : { batchHandler, batch: { maxRecords: 1 + (seed % 17), maxWaitMs: seed % 50 } }),
    concurrency: 1 + (seed % 7),
    retry: { firstMs: 5, maxMs: 100, maxAttempts: 4 },
    breaker: { failures: 2, firstMs: 20, maxMs: 200 },
    handlerTimeoutMs: 500,
    deadLetter: async record => {
      if (random() < 0.3) throw new Error('store down')
      letters.add(numberOf(record))
      settled.add(numberOf(record))
    },
  }
  processing = processorOf(options, { random })
  return { processing, random, settled, letters, faults }
}

for (const kind of ['records', 'batches'] as const) {
  t.test(`${kind} stay in order within a key and none is skipped, whatever fails`, async t => {
    let letters = 0
    for (let seed = kind === 'records' ? 1 : 2; seed <= SEEDS; seed += 2) {
      const run = chaos(seed)
      const { processor, clock } = run.processing
      for (let next = 0; next < RECORDS; ) {
        const count = Math.min(RECORDS - next, 1 + Math.floor(run.random() * 40))
        processor.add(Array.from({ length: count }, (_, i) => recordOf(next + i, `k${(next + i) % KEYS}`)))
        next += count
        await clock.pass(run.random() * 100)
      }
      await clock.until(() => processor.pending === 0)
      t.same(run.faults.slice(0, 3), [], `seed ${seed}`)
      t.equal(run.settled.size, RECORDS)
      t.equal(run.processing.budget.used, 0, 'every byte is given back')
      letters += run.letters.size
    }
    t.ok(letters > 0, 'some were given up')
  })
}

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import type { Sample } from './lease-churn.ts'

const PROGRAM = join(import.meta.dirname, 'lease-churn.ts')
/** `node test/consumer/leases/lease-churn.ts` gains and loses 10,000. */
const LEASES = 1_000

t.setTimeout(300_000)
t.jobs = 2

for (const [how, options] of [
  ['polls and handles records one by one', []],
  ['reads by enhanced fan-out and handles batches', ['--pushed']],
] as const) {
  t.test(`A worker that ${how} retains nothing of the leases that it lost`, async t => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      ...[PROGRAM, '--leases', String(LEASES)],
      ...options,
    ])
    const samples: Sample[] = JSON.parse(stdout)
    const [first, last] = [samples[0], samples.at(-1)]
    if (!first || !last) throw new Error('The program gave no samples.')
    t.ok(last.lost - first.lost >= LEASES / 2, 'leases were lost between the first sample and the last')
    t.equal(last.shardConsumers, first.shardConsumers)
    // The number of objects in flight varies by 9,000. A retained lease keeps a signal and dozens of objects.
    t.ok(last.signals < first.signals + 300, stdout)
    t.ok(last.objects - first.objects < 15 * (last.lost - first.lost), stdout)
  })
}

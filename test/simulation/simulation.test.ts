import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { simulate } from './simulate.ts'

const SEEDS = 2_000
const PROGRAM = join(import.meta.dirname, 'run.ts')

t.setTimeout(300_000)

t.test('Every invariant of the consumer holds through 2,000 runs with faults', async t => {
  const { failed, output } = await run(['--seeds', `${SEEDS}`, '--jobs', `${Math.min(4, availableParallelism())}`])
  t.notOk(failed, output)
})

/** Seeds that once broke an invariant, by what was wrong. */
const BROKEN_ONCE = {
  'a suspended worker of the model continued only in part after the last fault': [913],
  'workers with a maximum of leases took those of a departed worker later than the check allowed': [110_000_273],
  'a shard that had exceeded the memory budget waited for itself, and so did all others': [
    120_002_334, 120_009_936, 120_015_082,
  ],
  'workers put a pause into the rows of a deleted table after it was resumed': [120_012_396, 120_014_184],
  'the check took a note in the row of a lease for a takeover': [120_007_046, 120_021_195],
  'the check took the pause that a worker wrote into the row of another one for a renewal of its own': [230_216_657],
  'the only row of an interrupted pause was deleted': [120_006_729],
  'a process was suspended between two statements of its loop': [120_027_898],
  'no worker had read the only row of an interrupted pause before it was deleted': [140_016_325],
  'a worker that lost a lease during the call for an iterator read the shard once more': [150_003_084],
  'a reply waited behind another one that waited for it': [170_241_964, 170_269_634],
  'shards of unknown record sizes exceeded the memory budget by several records': [
    170_113_916, 170_123_970, 170_201_737, 170_279_959,
  ],
  'a call of a suspended process of the model was sent long after the process was resumed': [170_135_196],
  'the check expected others to take the lease of a shard whose parents have records left': [170_084_101],
  'no shard was told that another one was within its part of the memory budget again': [210_083_900],
  'a worker with an old list of shards left a lease to the others for longer than the check allowed': [170_068_345],
}

t.test('Every invariant holds for the seeds that found faults before', async t => {
  for (const seed of Object.values(BROKEN_ONCE).flat()) {
    const { violation, trace } = await simulate(seed)
    t.equal(violation, undefined, `seed ${seed}\n${violation ? trace.slice(-20).join('\n') : ''}`)
  }
})

t.test('A run of one seed gives the same trace each time', async t => {
  const { failed, output } = await run(['--seeds', '60', '--twice'])
  t.notOk(failed, output)
})

function run(options: string[]): Promise<{ failed: boolean; output: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, [PROGRAM, ...options], { maxBuffer: 64 * 1024 ** 2 }, (error, stdout, stderr) => {
      resolve({ failed: error !== null, output: stdout + stderr })
    })
  })
}

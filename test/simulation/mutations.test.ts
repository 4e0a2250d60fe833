import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runProgram } from '../support/processes.ts'
import { MUTATIONS } from './mutations/index.ts'

const APPLY = join(import.meta.dirname, 'mutations/apply.ts')
const PROGRAM = join(import.meta.dirname, 'run.ts')
const CONSUMER = join(import.meta.dirname, '../../services/consumer')
/** Number of seeds per mutation. Each mutation is found within them, and the original sources hold in all of them. */
const SEEDS = 2_000

/** A quarter of the mutations is enough for every change. `HEADGATE_MUTATIONS=all` runs all, which takes minutes. */
const chosen = [...MUTATIONS.entries()].filter(([n]) => process.env.HEADGATE_MUTATIONS === 'all' || n % 4 === 0)

t.setTimeout(1_200_000)
t.jobs = Math.min(2, availableParallelism())

t.test('The text that a mutation replaces is in its file once, also if this run skips the mutation', async t => {
  for (const { rule, file, text } of MUTATIONS) {
    t.equal(readFileSync(join(CONSUMER, file), 'utf8').split(text).length - 1, 1, rule)
  }
})

for (const [index, { rule, breaks, from = 1 }] of chosen) {
  t.test(`The simulation finds a consumer without this rule: ${rule}`, async t => {
    const seeds = ['--seeds', String(SEEDS), '--seed', String(from), '--trace', '5', '--jobs', '1']
    const env = { HEADGATE_MUTATION: String(index) }
    const program = runProgram(t, ['--import', APPLY, PROGRAM, ...seeds], { env })
    const { code } = await program.ended
    const output = program.stdout() + program.stderr()
    const broken = /breaks invariant (?<invariant>\w+)/.exec(output)?.groups?.invariant
    t.equal(code, 1, 'a seed fails')
    t.ok(
      breaks.some(invariant => invariant === broken),
      `it is one of the invariants ${breaks.join()} that is broken: ${output.slice(-600)}`,
    )
  })
}

import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { MUTATIONS } from './mutations/index.ts'
import type { Mutation } from './mutations/mutation.ts'

const ROOT = join(import.meta.dirname, '../..')
/** Number of seeds per mutation. Each mutation is found within them, and the original sources hold in all of them. */
const SEEDS = 2_000

/** A quarter of the mutations is enough for every change. `HEADGATE_MUTATIONS=all` runs all, which takes minutes. */
const chosen = process.env.HEADGATE_MUTATIONS === 'all' ? MUTATIONS : MUTATIONS.filter((_, index) => index % 4 === 0)

t.setTimeout(1_200_000)
t.jobs = Math.min(4, availableParallelism())

for (const mutation of chosen) {
  t.test(`The simulation finds a consumer without this rule: ${mutation.rule}`, async t => {
    const folder = await mkdtemp(join(tmpdir(), 'headgate-mutation-'))
    t.teardown(() => rm(folder, { recursive: true }))
    await copySources(folder)
    await mutate(folder, mutation)
    const { exitCode, output } = await runSimulation(folder, mutation)
    const broken = /breaks invariant (?<invariant>\w+)/.exec(output)?.groups?.invariant
    t.equal(exitCode, 1, 'a seed fails')
    t.ok(
      mutation.breaks.some(invariant => invariant === broken),
      `it is one of the invariants ${mutation.breaks.join()} that is broken: ${output.slice(-600)}`,
    )
  })
}

async function copySources(folder: string): Promise<void> {
  await mkdir(join(folder, 'services'))
  await mkdir(join(folder, 'test'))
  await cp(join(ROOT, 'services/consumer'), join(folder, 'services/consumer'), { recursive: true })
  await cp(import.meta.dirname, join(folder, 'test/simulation'), { recursive: true })
  await cp(join(ROOT, 'test/support/aggregate.ts'), join(folder, 'test/support/aggregate.ts'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
}

async function mutate(folder: string, { file, text, replacement }: Mutation): Promise<void> {
  const path = join(folder, 'services/consumer', file)
  const source = await readFile(path, 'utf8')
  const [before, after, ...more] = source.split(text)
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`'${text}' is in ${file} ${more.length + (after === undefined ? 0 : 1)} times, not once.`)
  }
  await writeFile(path, `${before}${replacement}${after}`)
}

function runSimulation(folder: string, { from = 1 }: Mutation): Promise<{ exitCode: number; output: string }> {
  const program = join(folder, 'test/simulation/run.ts')
  // The coverage of a copy is not counted.
  const { NODE_V8_COVERAGE: _, ...env } = process.env
  return new Promise(resolve => {
    const options = { env, timeout: 300_000, maxBuffer: 64 * 1024 ** 2 }
    execFile(
      process.execPath,
      [program, '--seeds', String(SEEDS), '--seed', String(from), '--trace', '5', '--jobs', '1'],
      options,
      (error, stdout, stderr) => {
        resolve({ exitCode: error ? Number(error.code) : 0, output: stdout + stderr })
      },
    )
  })
}

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'

const PROGRAM = join(import.meta.dirname, 'run.ts')

/** Starts more seeds than finish during a test. Resolves to the process and its two children. */
async function started(t: Test): Promise<{ run: ChildProcess; pids: number[] }> {
  const run = spawn(process.execPath, [PROGRAM, '--seeds', '1000000', '--jobs', '2'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.teardown(() => run.kill('SIGKILL'))
  const pids: number[] = []
  for await (const line of createInterface(run.stderr)) {
    pids.push(Number(/^process (?<pid>\d+) runs seeds$/.exec(line)?.groups?.pid))
    if (pids.length === 2) break
  }
  return { run, pids }
}

async function ended(pid: number): Promise<void> {
  while (isAlive(pid)) await delay(20)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

t.test('Ctrl-C ends the processes that run seeds', async t => {
  const { run, pids } = await started(t)
  run.kill('SIGINT')
  t.same(await once(run, 'exit'), [130, null])
  await Promise.all(pids.map(ended))
})

t.test('The processes that run seeds end when their parent process ends', async t => {
  const { run, pids } = await started(t)
  run.kill('SIGKILL')
  await Promise.all(pids.map(ended))
})

t.test('A process that ends before its seeds do fails the whole run', async t => {
  const { run, pids } = await started(t)
  process.kill(pids[0] ?? 0, 'SIGKILL')
  const [code] = await once(run, 'exit')
  t.equal(code, 1)
  await Promise.all(pids.map(ended))
})

t.test('An invalid number of processes is rejected with its name and value', async t => {
  const running = promisify(execFile)(process.execPath, [PROGRAM, '--jobs', '0'])
  await t.rejects(running, /--jobs must be a whole number of at least 1, not "0"/)
})

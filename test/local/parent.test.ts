import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { descendants, isAlive, until } from '../support/processes.ts'

const watching = `${process.execPath} ${path.join(import.meta.dirname, 'programs/watching.ts')}`

interface Shell {
  shell: ChildProcess
  /** The process id of the program that watches its parent. */
  pid: number
  stdout(): string
}

/** Runs a script in a shell. The script starts the program, which prints its process id. */
async function startShell(t: Test, script: string, env: Record<string, string> = {}): Promise<Shell> {
  const { NODE_OPTIONS: _options, ...inherited } = process.env
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const shell = spawn('sh', ['-c', script], { env: { ...inherited, ...env }, stdio: [...stdio], detached: true })
  let output = ''
  shell.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  // The whole process group, because the program may survive its shell.
  t.teardown(() => {
    try {
      process.kill(-(shell.pid ?? 0), 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  })
  await until(() => output.includes('\n'))
  const pid = Number(output.split('\n')[0])
  return { shell, pid, stdout: () => output }
}

const gone = (pid: number) => until(() => !isAlive(pid), { what: 'the end of what lost its parent' })

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  t.test(`notices that the parent was ended by ${signal}`, async t => {
    const { shell, pid, stdout } = await startShell(t, `${watching}; :`)
    shell.kill(signal)
    await gone(pid)
    await until(() => stdout().includes('the parent is gone'))
  })
}

t.test("notices that npm was killed with -9, although npm's shell still runs", async t => {
  // The first shell stands in for npm: like npm, it runs another shell with the script and names the script in the
  // environment.
  const env = { npm_lifecycle_script: watching }
  const { shell, pid } = await startShell(t, `sh -c '${watching} --port 0; :'; :`, env)
  const between = descendants(shell.pid ?? 0).filter(each => each !== pid)
  t.equal(between.length, 1)
  shell.kill('SIGKILL')
  await gone(pid)
  const [sh = 0] = between
  await until(() => !isAlive(sh))
})

t.test(
  "a shell between that is not npm's may lose its own parent, and one that goes on is no reason to end",
  async t => {
    // The name of another script, as if a user ran the program by hand in a shell under npm.
    const env = { npm_lifecycle_script: 'another script' }
    const { shell, pid, stdout } = await startShell(t, `sh -c '${watching} & wait; :'; :`, env)
    shell.kill('SIGKILL')
    // Longer than several checks, because there is no event for nothing having happened.
    await wait(2_000)
    t.ok(isAlive(pid))
    t.notMatch(stdout(), 'gone')
  },
)

t.test('a background process of a shell that keeps running keeps running too', async t => {
  const { pid } = await startShell(t, `${watching} & sleep 60; :`)
  await wait(2_000)
  t.ok(isAlive(pid))
})

t.test('a process whose parent ended before its start does not end', async t => {
  const { pid } = await startShell(t, `(${watching} &) ; sleep 60`)
  await wait(2_000)
  t.ok(isAlive(pid), 'its parent is the first process of the system, as in a container')
})

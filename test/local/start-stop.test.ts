import { existsSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { descendants, isAlive, until } from '../support/processes.ts'
import { gone, named, startByNpm, startPipeline, untilUp } from './npm-start.ts'

// Each test mostly waits for processes, with a pipeline of its own.
t.jobs = 2

t.test('npm start keeps running until Ctrl-C ends all its processes', async t => {
  const program = startPipeline(t, ['--port', '0'])
  const children = await untilUp(t, program)
  const logs = /^ {2}logs +(.+)$/m.exec(program.stdout())?.[1] ?? ''
  t.ok(existsSync(path.join(logs, 'worker-2.log')))

  process.kill(-program.pid, 'SIGINT')
  t.strictSame(await program.ended, { code: 0, signal: null })
  t.notOk(children.some(isAlive))
  t.equal(program.stderr(), '')
  t.notOk(existsSync(logs))
})

t.test('kill -9 of npm start leaves no process running', async t => {
  const program = startPipeline(t, ['--port', '0'])
  const children = await untilUp(t, program)
  process.kill(program.pid, 'SIGKILL')
  await gone(children)
})

t.test('a second Ctrl-C ends everything at once, even if a worker hangs', async t => {
  const program = startPipeline(t, ['--port', '0'])
  const children = await untilUp(t, program)
  const [hanging = 0] = named(children, 'worker/worker.ts')
  process.kill(hanging, 'SIGSTOP')
  process.kill(-program.pid, 'SIGINT')
  await until(() => program.stdout().includes('Stopping'))
  const before = performance.now()
  process.kill(-program.pid, 'SIGINT')
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.ok(performance.now() - before < 5_000)
  await gone(children)
})

t.test('an interrupted run with --once exits with 1', async t => {
  const program = startPipeline(t, ['--once'])
  await until(() => descendants(program.pid).length === 5, { timeoutMs: 30_000 })
  const children = descendants(program.pid)
  program.child.kill('SIGTERM')
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.notOk(children.some(isAlive))
})

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  t.test(`${signal} to npm alone leaves no process running`, async t => {
    const npm = startByNpm(t, ['--port', '0'])
    // npm, its shell on most systems, and the program.
    await untilUp(t, npm, { isWhole: pids => named(pids, 'worker/worker.ts').length === 2 })
    const all = descendants(npm.pid)
    process.kill(npm.pid, signal)
    await gone(all)
  })
}

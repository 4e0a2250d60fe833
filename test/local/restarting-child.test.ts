import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { ChildDeath } from '../../services/local/pipeline/children.ts'
import { deathNotice } from '../../services/local/pipeline/death-notice.ts'
import { restartWait, startRestartingChild } from '../../services/local/pipeline/restarting-child.ts'
import { commandOf, descendants, isAlive, until } from '../support/processes.ts'

function start(t: Test, name: string, { firstMs = 10, hasStandby = false } = {}) {
  const restarts: ChildDeath[] = []
  const waits: number[] = []
  const lines: string[] = []
  const death = Promise.withResolvers<ChildDeath>()
  const child = startRestartingChild({
    name,
    entry: path.join(import.meta.dirname, 'programs', `${name}.ts`),
    env: { ...process.env, NODE_OPTIONS: '' },
    onLine: line => lines.push(line),
    hasStandby,
    backoff: { firstMs, maxMs: firstMs * 4, stableMs: 60_000 },
    onRestart: (each, waitMs) => {
      restarts.push(each)
      waits.push(waitMs)
    },
    onDeath: death.resolve,
  })
  t.teardown(() => child.kill())
  const ups = () => lines.filter(line => line === 'up').length
  return { child, restarts, waits, ups, lines, death: death.promise }
}

t.test('reports and restarts a child that died', async t => {
  const { child, restarts, ups } = start(t, 'willing')
  await until(() => ups() === 1)
  const first = child.pid ?? 0
  process.kill(first, 'SIGKILL')
  await until(() => ups() === 2)
  t.match(restarts, [{ name: 'willing', how: 'SIGKILL' }])
  t.not(child.pid, first)
  t.equal(await child.stop(10_000), 'exit code 0')
  t.notOk(isAlive(child.pid))
  t.equal(restarts.length, 1, 'a stop prevents a restart')
})

t.test('restarts a child that keeps dying, with longer and longer waits', async t => {
  const { child, restarts, waits, death } = start(t, 'failing')
  await until(() => restarts.length === 5, { timeoutMs: 60_000 })
  t.match(restarts[4], { name: 'failing', how: 'exit code 7', lastLines: 'the reason', isStartFailure: false })
  t.strictSame(waits, [10, 20, 40, 40, 40])
  await child.stop(1_000)
  t.equal(await Promise.race([death, 'no death']), 'no death')
})

t.test('a stop during the wait for a restart prevents the restart', async t => {
  const { child, restarts, ups } = start(t, 'willing', { firstMs: 500 })
  await until(() => ups() === 1)
  process.kill(child.pid ?? 0, 'SIGKILL')
  await until(() => restarts.length === 1)
  t.equal(await child.stop(1_000), 'SIGKILL')
  await wait(600)
  t.equal(ups(), 1)
})

t.test('replace stops a child, and starts it with other variables, also after it dies later', async t => {
  const { child, restarts, ups, lines } = start(t, 'willing')
  await until(() => ups() === 1)
  const first = child.pid ?? 0
  await child.replace({ ...process.env, NODE_OPTIONS: '--title=second' }, 10_000)
  t.notOk(isAlive(first))
  await until(() => ups() === 2)
  t.ok(lines.includes('drained'), 'the first one could end its work')
  t.strictSame(restarts, [], 'a replaced child has not died')
  const hasNewVariables = (pid = 0) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes('--title=second')
  t.ok(hasNewVariables(child.pid))
  process.kill(child.pid ?? 0, 'SIGKILL')
  await until(() => ups() === 3)
  t.ok(hasNewVariables(child.pid))
})

t.test('a child that stands by takes over in a replace, and ends in a stop', async t => {
  const { child, restarts, ups, lines } = start(t, 'willing', { hasStandby: true })
  await until(() => ups() === 1)
  const others = () =>
    descendants(process.pid).filter(pid => pid !== child.pid && commandOf(pid).includes('willing.ts'))
  await until(() => others().length === 1, { what: 'the child that stands by' })
  const [next = 0] = others()
  t.equal(ups(), 1, 'its program does not run yet')
  await child.replace({ ...process.env, NODE_OPTIONS: '' }, 10_000)
  t.equal(child.pid, next)
  await until(() => ups() === 2, { timeoutMs: 60_000 })
  t.ok(lines.includes('drained'))
  await until(() => others().length === 1, { what: 'the next one that stands by' })
  const [last = 0] = others()
  t.equal(await child.stop(10_000), 'exit code 0')
  await until(() => !isAlive(last), { what: 'the end of the one that stood by' })
  t.strictSame(restarts, [])
})

t.test('a replace starts a new child if the one that stood by has died', async t => {
  const { child, restarts, ups } = start(t, 'willing', { hasStandby: true })
  await until(() => ups() === 1)
  const others = () =>
    descendants(process.pid).filter(pid => pid !== child.pid && commandOf(pid).includes('willing.ts'))
  await until(() => others().length === 1, { what: 'the child that stands by' })
  const [dead = 0] = others()
  process.kill(dead, 'SIGKILL')
  // A zombie is not enough: its entry disappears when this process learns that it has ended.
  await until(() => !existsSync(`/proc/${dead}`))
  await child.replace({ ...process.env, NODE_OPTIONS: '' }, 10_000)
  await until(() => ups() === 2)
  t.not(child.pid, dead)
  t.strictSame(restarts, [])
})

t.test('a stop during a replace lets nothing start', async t => {
  const { child, ups } = start(t, 'willing')
  await until(() => ups() === 1)
  const replacing = child.replace(process.env, 10_000)
  await child.stop(10_000)
  await replacing
  t.equal(ups(), 1)
  t.notOk(isAlive(child.pid))
})

t.test('does not restart a child that cannot start the first time', async t => {
  const { restarts, death } = start(t, 'missing')
  t.match(await death, { how: 'exit code 1', lastLines: /Cannot find module/, isStartFailure: true })
  t.strictSame(restarts, [])
})

t.test('the waits double up to a maximum, and start over after a child ran long enough', async t => {
  const backoff = { firstMs: 250, maxMs: 1_000, stableMs: 60_000 }
  const runs = [0, 59_999, 0, 0, 60_000, 0]
  const waits: number[] = []
  for (const ranMs of runs) waits.push(restartWait(backoff, waits.at(-1), ranMs))
  t.strictSame(waits, [250, 500, 1_000, 1_000, 250, 500])
})

t.test('the notice of a death has the reason of the process and the wait', async t => {
  const notice = (lastLines: string, how = 'exit code 1') =>
    deathNotice({ name: 'worker 1', how, lastLines, isStartFailure: false }, 500)
  const ends = 'It restarts in 0.5 s.'
  t.equal(notice('', 'SIGKILL'), `The worker 1 ended by itself (SIGKILL). ${ends}`)
  t.equal(
    notice('Error: no such table.\n    at read (file.ts:1:2)\n    at main (file.ts:3:4)'),
    `The worker 1 ended by itself (exit code 1): Error: no such table. ${ends}`,
  )
  t.equal(
    notice(
      [
        '{"level":"info","msg":"processed"}',
        '{"level":"error","err":{"type":"Error","message":"aborted"},"msg":"stopping after an uncaught error"}',
        '{"level":"info","msg":"stopped"}',
      ].join('\n'),
    ),
    `The worker 1 ended by itself (exit code 1): stopping after an uncaught error: aborted. ${ends}`,
  )
  const survived = '{"level":"error","err":{"message":"no answer"},"msg":"a pass over the outbox failed"}'
  const processed = '{"level":"info","msg":"processed"}'
  const warning = '(node:7) Warning: Error in an option'
  t.equal(
    notice([warning, survived, processed].join('\n'), 'SIGKILL'),
    `The worker 1 ended by itself (SIGKILL). ${ends}`,
    'what the process logged before it was killed is not the reason',
  )
  t.equal(
    notice([survived, processed].join('\n')),
    `The worker 1 ended by itself (exit code 1). Its last line was: processed. ${ends}`,
  )
  t.equal(
    notice([processed, 'FATAL ERROR: Reached heap limit'].join('\n'), 'SIGABRT'),
    `The worker 1 ended by itself (SIGABRT): FATAL ERROR: Reached heap limit. ${ends}`,
  )
  t.match(notice('{"level":"error","msg":"cut'), '(exit code 1). Its last line was: {"level":"error","msg":"cut. It')
  t.ok(notice(`Error: ${'x'.repeat(10_000)}`).length < 500)
})

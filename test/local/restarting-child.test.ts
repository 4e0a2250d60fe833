import path from 'node:path'
import t, { type Test } from 'tap'
import type { ChildDeath } from '../../services/local/pipeline/children.ts'
import { createRestartLimit } from '../../services/local/pipeline/restart-limit.ts'
import { startRestartingChild } from '../../services/local/pipeline/restarting-child.ts'
import { isAlive, until } from '../support/processes.ts'

function start(t: Test, name: string, most: number) {
  const restarts: ChildDeath[] = []
  const lines: string[] = []
  const death = Promise.withResolvers<ChildDeath>()
  const child = startRestartingChild({
    name,
    entry: path.join(import.meta.dirname, 'programs', `${name}.ts`),
    env: { ...process.env, NODE_OPTIONS: '' },
    onLine: line => lines.push(line),
    mayRestart: createRestartLimit({ most, withinMs: 60_000 }),
    onRestart: each => restarts.push(each),
    onDeath: death.resolve,
  })
  t.teardown(() => child.kill())
  const ups = () => lines.filter(line => line === 'up').length
  return { child, restarts, ups, death: death.promise }
}

t.test('what dies is told of and started again', async t => {
  const { child, restarts, ups } = start(t, 'willing', 3)
  await until(() => ups() === 1)
  const first = child.pid ?? 0
  process.kill(first, 'SIGKILL')
  await until(() => ups() === 2)
  t.match(restarts, [{ name: 'willing', how: 'SIGKILL' }])
  t.not(child.pid, first)
  t.equal(await child.stop(10_000), 'exit code 0')
  t.notOk(isAlive(child.pid))
  t.equal(restarts.length, 1, 'a stop is followed by no start')
})

t.test('what cannot live dies for good after so many restarts, with its last lines', async t => {
  const { restarts, death } = start(t, 'failing', 2)
  t.match(await death, { how: 'exit code 7', lastLines: 'the reason' })
  t.equal(restarts.length, 2)
})

t.test('the limit counts what is recent alone', async t => {
  let time = 0
  const mayRestart = createRestartLimit({ most: 3, withinMs: 30_000, now: () => time })
  t.strictSame([mayRestart(), mayRestart(), mayRestart(), mayRestart()], [true, true, true, false])
  time = 29_999
  t.equal(mayRestart(), false)
  time = 30_000
  t.strictSame([mayRestart(), mayRestart(), mayRestart(), mayRestart()], [true, true, true, false])
  t.equal(createRestartLimit({ most: 0, withinMs: 30_000 })(), false)
})

import path from 'node:path'
import t, { type Test } from 'tap'
import { type ChildDeath, startChild } from '../../services/local/pipeline/children.ts'
import { ChildDiedError } from '../../services/local/pipeline/errors.ts'
import { isAlive, runProgram, until } from '../support/processes.ts'

const program = (name: string) => path.join(import.meta.dirname, 'programs', `${name}.ts`)

function start(t: Test, name: string) {
  const lines: string[] = []
  const death = Promise.withResolvers<ChildDeath>()
  const child = startChild({
    name,
    entry: program(name),
    env: { ...process.env, NODE_OPTIONS: '' },
    onLine: line => lines.push(line),
    onDeath: death.resolve,
  })
  t.teardown(() => child.kill())
  return { child, lines, death: death.promise }
}

t.test('reports a child that ends by itself, with its exit code and its last lines of stderr', async t => {
  const { child, lines, death } = start(t, 'failing')
  t.strictSame(await death, {
    name: 'failing',
    how: 'exit code 7',
    lastLines: 'the reason',
    isStartFailure: false,
  })
  t.strictSame(lines.sort(), ['a line of its log', 'the reason'])
  t.equal(await child.stop(1_000), 'exit code 7', 'and stopping it is no error')
  t.equal(
    new ChildDiedError(await death).message,
    'The failing ended by itself (exit code 7). Its last lines:\n  the reason',
  )
})

t.test('reports a child whose program does not exist, with the reason', async t => {
  const { death } = start(t, 'missing')
  t.match(await death, { how: 'exit code 1', lastLines: /Cannot find module/ })
})

t.test('stop sends SIGTERM, which the child can handle, and reports no death', async t => {
  const { child, lines, death } = start(t, 'willing')
  await until(() => lines.includes('up'))
  t.equal(await child.stop(10_000), 'exit code 0')
  t.strictSame(lines, ['up', 'drained'])
  t.equal(await Promise.race([death, 'no death']), 'no death')
})

t.test('a child that does not stop in time is killed', async t => {
  const { child, lines } = start(t, 'stubborn')
  await until(() => lines.includes('up'))
  t.equal(await child.stop(100), 'SIGKILL')
  t.strictSame(lines, ['up', 'not now'])
  t.notOk(isAlive(child.pid))
})

t.test('a parent killed with -9 leaves no child behind, not even one that ignores SIGTERM', async t => {
  const parent = runProgram(t, [program('parent'), program('willing'), program('stubborn')])
  await until(() => parent.stdout().includes('\n') || parent.child.exitCode !== null)
  const pids: number[] = JSON.parse(parent.stdout())
  t.ok(pids.every(isAlive))
  process.kill(parent.pid, 'SIGKILL')
  await until(() => !pids.some(isAlive), { what: 'the end of the children' })
})

t.test('a child has its own process group, so that Ctrl-C reaches only its parent', async t => {
  const parent = runProgram(t, [program('parent'), program('stubborn')], { detached: true })
  await until(() => parent.stdout().includes('\n') || parent.child.exitCode !== null)
  const [pid]: [number] = JSON.parse(parent.stdout())
  t.doesNotThrow(() => process.kill(-pid, 0), 'it leads a group')
  process.kill(-parent.pid, 'SIGINT')
  await parent.ended
  await until(() => !isAlive(pid), { what: 'the end of the child, once the parent is gone' })
})

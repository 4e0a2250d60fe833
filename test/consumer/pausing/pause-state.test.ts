import t from 'tap'
import {
  allPauses,
  decodePauses,
  encodePauses,
  entryOf,
  isBehind,
  mergePauses,
  nextVersion,
  onlyEntry,
  type PauseEntry,
  type PauseState,
  pauseOf,
} from '../../../services/consumer/pausing/pause-state.ts'

const AT = '2026-11-30T12:00:00.000Z'
const entry = (version: number, paused: boolean, id = 'a'): PauseEntry => ({
  ...{ version, id, paused, by: `operator ${version}${id}`, reason: 'a test', at: AT },
})
const application = (version: number, paused: boolean, id?: string) => onlyEntry(undefined, entry(version, paused, id))
const worker = (workerId: string, version: number, paused: boolean) => onlyEntry(workerId, entry(version, paused))

t.test('the highest version applies, whatever the order and the number of the copies', async t => {
  const copies = [application(1, true), application(3, false), application(2, true), worker('w1', 4, true)]
  const orders = [copies, copies.toReversed(), [...copies, ...copies]]
  for (const order of orders) {
    const merged = mergePauses(order)
    t.equal(entryOf(merged, undefined)?.version, 3)
    t.equal(pauseOf(merged, 'w2'), undefined, 'the application was resumed')
    t.match(pauseOf(merged, 'w1'), { scope: 'worker', workerId: 'w1', by: 'operator 4a', at: new Date(AT) })
    t.equal(nextVersion(merged), 5)
  }
  t.equal(nextVersion(mergePauses([])), 1)
})

t.test('two operators who write the same version at the same time agree on one of them', async t => {
  const [pause, resume] = [application(7, true, 'p'), application(7, false, 'r')]
  const one = mergePauses([pause, resume])
  const other = mergePauses([resume, pause])
  t.same(one, other)
  t.equal(one.application?.id, 'r')
})

t.test('a pause of the application is reported before a pause of the worker', async t => {
  const state = mergePauses([worker('w1', 1, true), application(2, true)])
  t.match(pauseOf(state, 'w1'), { scope: 'application', workerId: undefined })
  t.same(
    allPauses(state).map(({ workerId }) => workerId),
    [undefined, 'w1'],
  )
})

t.test('a copy is behind if it lacks an entry or has an older one', async t => {
  const merged = mergePauses([worker('w1', 1, true), application(2, true)])
  t.ok(isBehind(mergePauses([]), merged))
  t.ok(isBehind(application(2, true), merged), 'without the worker')
  t.ok(isBehind(mergePauses([worker('w1', 1, true), application(1, true)]), merged))
  t.notOk(isBehind(merged, merged))
  t.notOk(isBehind(mergePauses([merged, worker('w2', 9, true)]), merged), 'a newer copy is not behind')
})

t.test('a state survives its text, and a text that is no state counts as no pause', async t => {
  const state = mergePauses([worker('w1', 1, true), application(2, false)])
  t.same(decodePauses(encodePauses(state)), state)
  const none = mergePauses([])
  const invalid = ['', '7', 'null', '[]', '{"application":7,"workers":null}', '{"workers":{"w1":{"version":1}}}']
  const wrongTime = JSON.stringify({ application: { ...entry(1, true), at: 'yesterday' }, workers: {} })
  for (const text of [undefined, wrongTime, ...invalid]) t.same(decodePauses(text), none, text ?? 'no text')
})

t.test('a row remembers the last 20 resumed workers and every paused one', async t => {
  const states: PauseState[] = [worker('paused', 1, true)]
  for (let version = 2; version < 62; version++) states.push(worker(`w${version}`, version, false))
  const { workers } = mergePauses(states)
  t.equal(workers.size, 21)
  t.ok(workers.get('paused')?.paused)
  t.ok(workers.has('w61') && workers.has('w42') && !workers.has('w41'), 'the newest ones')
})

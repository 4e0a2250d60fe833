import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Snapshot } from '../../../services/api/watch/watch.ts'
import { createWatches, TooManyWatchesError, type WatchesSettings } from '../../../services/api/watch/watches.ts'
import { eventually } from '../support.ts'

const HOUR = 3_600_000

function snapshotOf(tag: string, change: Partial<Snapshot<string>> = {}): Snapshot<string> {
  return { tag, isFinal: false, changedAt: Date.now(), value: `state ${tag}`, ...change }
}

/** Creates watches of a value that the test changes, and counts the reads. */
function scene(t: Test, settings: Partial<WatchesSettings<string>> = {}) {
  const state = {
    now: snapshotOf('a') as Snapshot<string> | undefined,
    error: undefined as Error | undefined,
    looks: [] as string[],
    warnings: [] as object[],
  }
  const watches = createWatches<string>({
    async read({ owner, uploadId }) {
      state.looks.push(`${owner}/${uploadId}`)
      if (state.error) throw state.error
      return state.now
    },
    log: { warn: (details: object) => state.warnings.push(details) },
    ...settings,
  })
  t.teardown(() => watches.close())
  return { state, watches }
}

const key = { owner: 'me', uploadId: 'one' }
const isNot = (tag: string) => (snapshot: Snapshot<string> | undefined) => snapshot?.tag !== tag

t.test('a watch resolves with the next state, and one read serves all watches', async t => {
  const { state, watches } = scene(t)
  const open = Array.from({ length: 20 }, () => watches.open(key, snapshotOf('a')))
  const waits = open.map(watch => watch.until(isNot('a'), HOUR))
  await eventually(() => state.looks.length >= 2)
  const before = state.looks.length
  state.now = snapshotOf('b')
  const seen = await Promise.all(waits)
  t.same(new Set(seen.map(snapshot => snapshot?.tag)), new Set(['b']))
  t.ok(state.looks.length <= before + 2, `one read for all: ${state.looks.length - before}`)
})

t.test('without watches there are no reads, and the read in flight is aborted', async t => {
  let signal: AbortSignal | undefined
  const { state, watches } = scene(t, {
    read: async (_key, given) => {
      signal = given
      state.looks.push('look')
      return new Promise((_resolve, reject) => given.addEventListener('abort', () => reject(given.reason)))
    },
  })
  const first = watches.open(key, snapshotOf('a'))
  const second = watches.open(key, snapshotOf('a'))
  await eventually(() => signal !== undefined)
  first.close()
  t.notOk(signal?.aborted, 'one still waits')
  second.close()
  t.ok(signal?.aborted)
  await turn()
  t.same(state.warnings, [], 'which is no failure')
  t.equal(state.looks.length, 1)
})

t.test('a wait whose time is up returns the last snapshot', async t => {
  const { watches } = scene(t)
  const watch = watches.open(key, snapshotOf('a'))
  t.equal((await watch.until(isNot('a'), 10))?.tag, 'a')
  t.equal((await watch.until(isNot('b'), HOUR))?.tag, 'a', 'and one that has what it wants does not begin')
})

t.test('a deleted upload is an undefined snapshot', async t => {
  const { state, watches } = scene(t)
  const watch = watches.open(key, snapshotOf('a'))
  state.now = undefined
  t.equal(await watch.until(isNot('a'), HOUR), undefined)
})

t.test('a process that changes an upload refreshes its watches at once', async t => {
  const rested = snapshotOf('a', { changedAt: 0 })
  const { state, watches } = scene(t, { now: () => HOUR, random: () => 0.5 })
  const watch = watches.open(key, rested)
  const wait = watch.until(isNot('a'), HOUR)
  state.now = snapshotOf('b')
  watches.refresh(key)
  t.equal((await wait)?.tag, 'b')
  t.equal(state.looks.length, 1)
  watches.refresh({ owner: 'me', uploadId: 'another' })
})

t.test('a change during a read is not missed', async t => {
  const answers: Array<(snapshot: Snapshot<string>) => void> = []
  const { watches } = scene(t, {
    read: () => new Promise(resolve => answers.push(resolve)),
    now: () => HOUR,
  })
  const watch = watches.open(key, snapshotOf('a', { changedAt: 0 }))
  const wait = watch.until(isNot('a'), HOUR)
  watches.refresh(key)
  await eventually(() => answers.length === 1)
  watches.refresh(key)
  answers[0]?.(snapshotOf('a', { changedAt: 0 }))
  await eventually(() => answers.length === 2)
  answers[1]?.(snapshotOf('b'))
  t.equal((await wait)?.tag, 'b')
})

t.test('failed reads end no wait, and are logged once', async t => {
  const { state, watches } = scene(t, { now: () => 0, random: () => 0 })
  state.error = new Error('no answer')
  const watch = watches.open(key, snapshotOf('a', { changedAt: 0 }))
  const wait = watch.until(isNot('a'), HOUR)
  await eventually(() => state.looks.length >= 3)
  t.equal(state.warnings.length, 1)
  state.error = undefined
  state.now = snapshotOf('b', { changedAt: 0 })
  t.equal((await wait)?.tag, 'b')
})

t.test('watches are limited per owner and per process, and a closed watch makes room', async t => {
  const { watches } = scene(t, { maxPerOwner: 2, max: 3 })
  const open = (owner: string) => watches.open({ owner, uploadId: 'one' }, snapshotOf('a'))
  const first = open('me')
  open('me')
  t.throws(() => open('me'), { code: 'HEADGATE_TOO_MANY_WATCHES', of: 'owner' })
  open('you')
  t.throws(() => open('they'), { code: 'HEADGATE_TOO_MANY_WATCHES', of: 'process' })
  first.close()
  first.close()
  open('they')
  t.throws(() => open('me'), TooManyWatchesError, 'ending twice makes room once')
})

t.test('two owners’ uploads with the same id are independent', async t => {
  const { state, watches } = scene(t)
  watches.open({ owner: 'me', uploadId: 'one' }, snapshotOf('a'))
  watches.open({ owner: 'you', uploadId: 'one' }, snapshotOf('a'))
  await eventually(() => new Set(state.looks).size === 2)
  t.same(new Set(state.looks), new Set(['me/one', 'you/one']))
})

t.test('closing ends every wait, and later watches are closed at once', async t => {
  const { watches } = scene(t)
  const watch = watches.open(key, snapshotOf('a'))
  const wait = watch.until(isNot('a'), HOUR)
  watches.close()
  t.equal((await wait)?.tag, 'a')
  t.ok(watch.isOver)
  const late = watches.open(key, snapshotOf('c'))
  t.equal((await late.until(isNot('c'), HOUR))?.tag, 'c')
})

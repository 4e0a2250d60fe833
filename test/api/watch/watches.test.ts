import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { TooManyWatchesError } from '../../../services/api/watch/errors.ts'
import type { Sight } from '../../../services/api/watch/snapshot.ts'
import { createWatches, type WatchesSettings } from '../../../services/api/watch/watches.ts'
import { eventually } from '../support.ts'

const HOUR = 3_600_000

function sightOf(tag: string, change: Partial<Sight<string>> = {}): Sight<string> {
  return { tag, isFinal: false, changedAt: Date.now(), value: `state ${tag}`, ...change }
}

/** Something that changes when a test says so, and is seen by looks that are counted. */
function scene(t: Test, settings: Partial<WatchesSettings<string>> = {}) {
  const state = {
    now: sightOf('a') as Sight<string> | undefined,
    error: undefined as Error | undefined,
    looks: [] as string[],
    warnings: [] as object[],
  }
  const watches = createWatches<string>({
    async look({ owner, uploadId }) {
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
const isNot = (tag: string) => (sight: Sight<string> | undefined) => sight?.tag !== tag

t.test('a watch resolves with the next state, and everybody who waits for it hears of it by the same look', async t => {
  const { state, watches } = scene(t)
  const open = Array.from({ length: 20 }, () => watches.open(key, sightOf('a')))
  const waits = open.map(watch => watch.until(isNot('a'), HOUR))
  await eventually(() => state.looks.length >= 2)
  const before = state.looks.length
  state.now = sightOf('b')
  const seen = await Promise.all(waits)
  t.same(new Set(seen.map(sight => sight?.tag)), new Set(['b']))
  t.ok(state.looks.length <= before + 2, `one look for all: ${state.looks.length - before}`)
})

t.test('nobody is looked for once nobody waits, and the look that is under way is called off', async t => {
  let signal: AbortSignal | undefined
  const { state, watches } = scene(t, {
    look: async (_key, given) => {
      signal = given
      state.looks.push('look')
      return new Promise((_resolve, reject) => given.addEventListener('abort', () => reject(given.reason)))
    },
  })
  const first = watches.open(key, sightOf('a'))
  const second = watches.open(key, sightOf('a'))
  await eventually(() => signal !== undefined)
  first.close()
  t.notOk(signal?.aborted, 'one still waits')
  second.close()
  t.ok(signal?.aborted)
  await turn()
  t.same(state.warnings, [], 'which is no failure')
  t.equal(state.looks.length, 1)
})

t.test('a wait ends when its time is up, with what was seen last', async t => {
  const { watches } = scene(t)
  const watch = watches.open(key, sightOf('a'))
  t.equal((await watch.until(isNot('a'), 10))?.tag, 'a')
  t.equal((await watch.until(isNot('b'), HOUR))?.tag, 'a', 'and one that has what it wants does not begin')
})

t.test('what is gone is seen to be gone', async t => {
  const { state, watches } = scene(t)
  const watch = watches.open(key, sightOf('a'))
  state.now = undefined
  t.equal(await watch.until(isNot('a'), HOUR), undefined)
})

t.test('a process that changes an upload has it seen at once', async t => {
  const rested = sightOf('a', { changedAt: 0 })
  const { state, watches } = scene(t, { now: () => HOUR, random: () => 0.5 })
  const watch = watches.open(key, rested)
  const wait = watch.until(isNot('a'), HOUR)
  state.now = sightOf('b')
  watches.hurry(key)
  t.equal((await wait)?.tag, 'b')
  t.equal(state.looks.length, 1)
  watches.hurry({ owner: 'me', uploadId: 'another' })
})

t.test('a change that comes while a look is under way is not missed', async t => {
  const answers: Array<(sight: Sight<string>) => void> = []
  const { watches } = scene(t, {
    look: () => new Promise(resolve => answers.push(resolve)),
    now: () => HOUR,
  })
  const watch = watches.open(key, sightOf('a', { changedAt: 0 }))
  const wait = watch.until(isNot('a'), HOUR)
  watches.hurry(key)
  await eventually(() => answers.length === 1)
  watches.hurry(key)
  answers[0]?.(sightOf('a', { changedAt: 0 }))
  await eventually(() => answers.length === 2)
  answers[1]?.(sightOf('b'))
  t.equal((await wait)?.tag, 'b')
})

t.test('looks that fail end no wait, and are told of once', async t => {
  const { state, watches } = scene(t, { now: () => 0, random: () => 0 })
  state.error = new Error('no answer')
  const watch = watches.open(key, sightOf('a', { changedAt: 0 }))
  const wait = watch.until(isNot('a'), HOUR)
  await eventually(() => state.looks.length >= 3)
  t.equal(state.warnings.length, 1)
  state.error = undefined
  state.now = sightOf('b', { changedAt: 0 })
  t.equal((await wait)?.tag, 'b')
})

t.test('an owner has a bound, the process has one, and whoever ends makes room', async t => {
  const { watches } = scene(t, { mostOfOwner: 2, most: 3 })
  const open = (owner: string) => watches.open({ owner, uploadId: 'one' }, sightOf('a'))
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

t.test('another owner’s upload of the same id is another upload', async t => {
  const { state, watches } = scene(t)
  watches.open({ owner: 'me', uploadId: 'one' }, sightOf('a'))
  watches.open({ owner: 'you', uploadId: 'one' }, sightOf('a'))
  await eventually(() => new Set(state.looks).size === 2)
  t.same(new Set(state.looks), new Set(['me/one', 'you/one']))
})

t.test('closing ends every wait, and those that come later end at once', async t => {
  const { watches } = scene(t)
  const watch = watches.open(key, sightOf('a'))
  const wait = watch.until(isNot('a'), HOUR)
  watches.close()
  t.equal((await wait)?.tag, 'a')
  t.ok(watch.isOver)
  const late = watches.open(key, sightOf('c'))
  t.equal((await late.until(isNot('c'), HOUR))?.tag, 'c')
})

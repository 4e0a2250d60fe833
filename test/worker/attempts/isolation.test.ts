import t from 'tap'
import { createIsolation } from '../../../services/worker/processing/attempts/isolation.ts'

const { signal } = new AbortController()
const turn = () => new Promise(resolve => setImmediate(resolve))

/** Creates work that adds its name to `begun` when it starts, and ends when the test calls `end`. */
function work(name: string, begun: string[]) {
  const { promise, resolve } = Promise.withResolvers<string>()
  return {
    run: () => {
      begun.push(name)
      return promise
    },
    end: () => resolve(name),
  }
}

t.test('work that runs together starts at once', async t => {
  const { together } = createIsolation()
  const begun: string[] = []
  const [a, b] = [work('a', begun), work('b', begun)]
  const running = [together(a.run, signal), together(b.run, signal)]
  await turn()
  t.strictSame(begun, ['a', 'b'])
  a.end()
  b.end()
  t.strictSame(await Promise.all(running), ['a', 'b'])
})

t.test('turns wait for running work and run one after the other, and new work waits for the current turn', async t => {
  const { together, alone } = createIsolation()
  const begun: string[] = []
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => work(name, begun)) as [Work, Work, Work, Work]
  const running = [together(a.run, signal), alone(b.run, { died: 1, signal }), alone(c.run, { died: 1, signal })]
  await turn()
  running.push(together(d.run, signal))
  await turn()
  t.strictSame(begun, ['a'])
  a.end()
  await turn()
  t.strictSame(begun, ['a', 'b'])
  b.end()
  await turn()
  t.strictSame(begun, ['a', 'b', 'd'], 'waiting work starts between the turns')
  d.end()
  await turn()
  t.strictSame(begun, ['a', 'b', 'd', 'c'])
  c.end()
  t.strictSame(await Promise.all(running), ['a', 'b', 'c', 'd'])
})

t.test(
  'a turn starts although running work takes too long, and new work starts although the turn takes too long',
  async t => {
    const { together, alone } = createIsolation({ quietWithinMs: 1, holdMs: 1 })
    const begun: string[] = []
    const [a, b, c] = ['a', 'b', 'c'].map(name => work(name, begun)) as [Work, Work, Work]
    const running = [together(a.run, signal), alone(b.run, { died: 1, signal })]
    await turn()
    running.push(together(c.run, signal))
    while (begun.length < 3) await new Promise(resolve => setTimeout(resolve, 1))
    t.strictSame(begun, ['a', 'b', 'c'])
    for (const one of [a, b, c]) one.end()
    await Promise.all(running)
  },
)

t.test('work that is aborted while it waits never starts, and does not block other work', async t => {
  const { together, alone } = createIsolation()
  const begun: string[] = []
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => work(name, begun)) as [Work, Work, Work, Work]
  const aborter = new AbortController()
  const first = alone(a.run, { died: 1, signal })
  await turn()
  const waiting = Promise.allSettled([
    alone(b.run, { died: 1, signal: aborter.signal }),
    together(c.run, aborter.signal),
  ])
  const last = alone(d.run, { died: 1, signal })
  aborter.abort(new Error('aborted'))
  t.match(await waiting, [{ reason: { message: 'aborted' } }, { reason: { message: 'aborted' } }])
  a.end()
  await first
  d.end()
  t.equal(await last, 'd')
  t.strictSame(begun, ['a', 'd'])
})

t.test('a turn that is aborted while it waits for running work unblocks new work', async t => {
  const { together, alone } = createIsolation()
  const begun: string[] = []
  const [a, b, c] = ['a', 'b', 'c'].map(name => work(name, begun)) as [Work, Work, Work]
  const aborter = new AbortController()
  const running = together(a.run, signal)
  const waiting = alone(b.run, { died: 1, signal: aborter.signal })
  await turn()
  aborter.abort(new Error('aborted'))
  await t.rejects(waiting, { message: 'aborted' })
  c.end()
  t.equal(await together(c.run, signal), 'c')
  a.end()
  await running
  t.strictSame(begun, ['a', 'c'])
})

t.test('work that fails does not block the next', async t => {
  const { together, alone } = createIsolation()
  const fail = () => Promise.reject(new Error('mine'))
  await t.rejects(together(fail, signal), { message: 'mine' })
  await t.rejects(alone(fail, { died: 1, signal }), { message: 'mine' })
  t.equal(await alone(async () => 'next', { died: 1, signal }), 'next')
})

t.test('turns are ordered by the deaths of their work, the fewest first', async t => {
  const { alone } = createIsolation({ settleMs: 1 })
  const begun: string[] = []
  const names = ['first', 'three', 'one', 'two', 'another one']
  const deaths = [1, 3, 1, 2, 1]
  const works = names.map(name => work(name, begun))
  const running = works.map(({ run }, index) => alone(run, { died: deaths[index] ?? 0, signal }))
  for (const one of works) one.end()
  await Promise.all(running)
  t.strictSame(begun, ['first', 'one', 'another one', 'two', 'three'])
})

t.test('the next turn starts beside work that takes too long, unless either has died more than once', async t => {
  const { alone } = createIsolation({ holdMs: 1, settleMs: 1 })
  const begun: string[] = []
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => work(name, begun)) as [Work, Work, Work, Work]
  const running = [a, b].map(({ run }) => alone(run, { died: 1, signal }))
  running.push(alone(c.run, { died: 2, signal }), alone(d.run, { died: 2, signal }))
  while (begun.length < 2) await new Promise(resolve => setTimeout(resolve, 1))
  await new Promise(resolve => setTimeout(resolve, 20))
  t.strictSame(begun, ['a', 'b'], 'c waits for both')
  a.end()
  await turn()
  await turn()
  t.strictSame(begun, ['a', 'b'])
  b.end()
  while (begun.length < 3) await new Promise(resolve => setTimeout(resolve, 1))
  const e = work('e', begun)
  running.push(alone(e.run, { died: 1, signal }))
  await new Promise(resolve => setTimeout(resolve, 20))
  t.strictSame(begun, ['a', 'b', 'c'], 'no other work that has died runs beside c')
  c.end()
  while (begun.length < 4) await new Promise(resolve => setTimeout(resolve, 1))
  t.equal(begun[3], 'e', 'work with fewer deaths runs first')
  for (const one of [d, e]) one.end()
  await Promise.all(running)
})

t.test('work that died more than once lets other work start first, for a limited time', async t => {
  const { together, alone } = createIsolation({ settleMs: 50, settleWithinMs: 200 })
  const begun: string[] = []
  const record = (name: string) => async () => void begun.push(name)
  const killing = alone(record('killing'), { died: 2, signal })
  await turn()
  await Promise.all([alone(record('innocent'), { died: 1, signal }), together(record('new'), signal)])
  await killing
  t.equal(begun[2], 'killing')

  let isOver = false
  let others = 0
  const again = alone(record('killing again'), { died: 3, signal }).then(() => {
    isOver = true
  })
  while (!isOver) {
    await together(async () => void others++, signal)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  await again
  t.ok(others > 5)
})

t.test('new work starts between two turns, even if many turns wait', async t => {
  const { together, alone } = createIsolation()
  const begun: string[] = []
  const turns = Array.from({ length: 20 }, (_, n) =>
    alone(async () => void begun.push(`turn ${n}`), { died: 1, signal }),
  )
  await together(async () => void begun.push('new'), signal)
  t.equal(begun.indexOf('new'), 1, 'after the first turn')
  await Promise.all(turns)
})

type Work = ReturnType<typeof work>

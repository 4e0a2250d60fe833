import t from 'tap'
import { createIsolation } from '../../../services/worker/processing/attempts/isolation.ts'

const { signal } = new AbortController()
const turn = () => new Promise(resolve => setImmediate(resolve))

/** Work that says when it begins, and ends when it is told to. */
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

t.test('what runs together begins at once', async t => {
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

t.test('what runs alone waits for what runs, one after another, and what comes later waits for it', async t => {
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
  t.strictSame(begun, ['a', 'b', 'd'], 'who has waited comes in between')
  d.end()
  await turn()
  t.strictSame(begun, ['a', 'b', 'd', 'c'])
  c.end()
  t.strictSame(await Promise.all(running), ['a', 'b', 'c', 'd'])
})

t.test('what takes too long to end is not waited for, and what takes too long alone holds nobody up', async t => {
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
})

t.test('who is called off while it waits begins nothing, and keeps nobody from their turn', async t => {
  const { together, alone } = createIsolation()
  const begun: string[] = []
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => work(name, begun)) as [Work, Work, Work, Work]
  const calledOff = new AbortController()
  const first = alone(a.run, { died: 1, signal })
  await turn()
  const waiting = Promise.allSettled([
    alone(b.run, { died: 1, signal: calledOff.signal }),
    together(c.run, calledOff.signal),
  ])
  const last = alone(d.run, { died: 1, signal })
  calledOff.abort(new Error('called off'))
  t.match(await waiting, [{ reason: { message: 'called off' } }, { reason: { message: 'called off' } }])
  a.end()
  await first
  d.end()
  t.equal(await last, 'd')
  t.strictSame(begun, ['a', 'd'])
})

t.test('who is called off while it waits for quiet lets the others begin', async t => {
  const { together, alone } = createIsolation()
  const begun: string[] = []
  const [a, b, c] = ['a', 'b', 'c'].map(name => work(name, begun)) as [Work, Work, Work]
  const calledOff = new AbortController()
  const running = together(a.run, signal)
  const waiting = alone(b.run, { died: 1, signal: calledOff.signal })
  await turn()
  calledOff.abort(new Error('called off'))
  await t.rejects(waiting, { message: 'called off' })
  c.end()
  t.equal(await together(c.run, signal), 'c')
  a.end()
  await running
  t.strictSame(begun, ['a', 'c'])
})

t.test('work that fails lets the next one begin', async t => {
  const { together, alone } = createIsolation()
  const fail = () => Promise.reject(new Error('mine'))
  await t.rejects(together(fail, signal), { message: 'mine' })
  await t.rejects(alone(fail, { died: 1, signal }), { message: 'mine' })
  t.equal(await alone(async () => 'next', { died: 1, signal }), 'next')
})

t.test('turns come by the deaths of the work, the fewest first', async t => {
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

t.test('work that outlasts its hold lets the next turn come, unless either has died more than once', async t => {
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
  t.strictSame(begun, ['a', 'b', 'c'], 'nothing that has died runs beside c')
  c.end()
  while (begun.length < 4) await new Promise(resolve => setTimeout(resolve, 1))
  t.equal(begun[3], 'e', 'and fewer deaths go first')
  for (const one of [d, e]) one.end()
  await Promise.all(running)
})

t.test(
  'work that died more than once lets all other work go first, also if it asked first, but not for ever',
  async t => {
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
  },
)

t.test('new work begins between two turns, however many wait for theirs', async t => {
  const { together, alone } = createIsolation()
  const begun: string[] = []
  const turns = Array.from({ length: 20 }, (_, n) =>
    alone(async () => void begun.push(`turn ${n}`), { died: 1, signal }),
  )
  await together(async () => void begun.push('new'), signal)
  t.equal(begun.indexOf('new'), 1, 'after the turn that ran already')
  await Promise.all(turns)
})

type Work = ReturnType<typeof work>

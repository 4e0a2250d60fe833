import t from 'tap'
import { createIsolation } from '../../../services/worker/attempts/isolation.ts'

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
  const running = [together(a.run, signal), alone(b.run, signal), alone(c.run, signal)]
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
  const running = [together(a.run, signal), alone(b.run, signal)]
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
  const first = alone(a.run, signal)
  await turn()
  const waiting = Promise.allSettled([alone(b.run, calledOff.signal), together(c.run, calledOff.signal)])
  const last = alone(d.run, signal)
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
  const waiting = alone(b.run, calledOff.signal)
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
  await t.rejects(alone(fail, signal), { message: 'mine' })
  t.equal(await alone(async () => 'next', signal), 'next')
})

type Work = ReturnType<typeof work>

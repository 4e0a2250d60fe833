import t from 'tap'
import { once } from '../../services/local/once.ts'
import { startAll, stopAll } from '../../services/local/start-all.ts'

const server = (name: string, log: string[], error?: Error) => ({
  name,
  stop: async () => {
    log.push(name)
    if (error) throw error
  },
})

t.test('resolves to all servers in order if all start', async t => {
  const log: string[] = []
  const [a, b] = await startAll([Promise.resolve(server('a', log)), Promise.resolve(server('b', log))], async () => {
    log.push('release')
  })
  t.strictSame([a.name, b.name, log], ['a', 'b', []])
})

t.test('if one start fails, stops all that started, even later, and then calls release', async t => {
  const log: string[] = []
  const late = new Promise<ReturnType<typeof server>>(resolve => setTimeout(() => resolve(server('late', log)), 20))
  const starting = [Promise.resolve(server('early', log)), Promise.reject(new Error('no')), late]
  await t.rejects(
    startAll(starting, async () => {
      log.push('release')
    }),
    { message: 'no' },
  )
  t.strictSame(log, ['early', 'late', 'release'])
})

t.test('stops the others if one fails to stop', async t => {
  const log: string[] = []
  const servers = [server('a', log, new Error('stuck')), server('b', log), server('c', log)]
  await t.rejects(stopAll(servers), { message: 'stuck' })
  t.strictSame(log, ['a', 'b', 'c'])
  const two = [server('a', [], new Error('1')), server('b', [], new Error('2')), server('c', [])]
  await t.rejects(stopAll(two), { name: 'AggregateError', errors: [{ message: '1' }, { message: '2' }] })
})

t.test('a function wrapped with once runs once, and later calls get the same result', async t => {
  let calls = 0
  const act = once(async () => {
    calls++
    return calls
  })
  t.strictSame(await Promise.all([act(), act(), act()]), [1, 1, 1])
})

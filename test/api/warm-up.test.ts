import fastify from 'fastify'
import t from 'tap'
import { warmUp } from '../../services/api/http/warm-up.ts'

async function appOf(load: () => Promise<unknown>) {
  const app = fastify()
  await app.register(warmUp, { load })
  app.get('/first', { config: { skipWarmUp: true } }, async () => 'live')
  app.get('/', async () => 'loaded')
  await app.ready()
  return app
}

t.test('requests wait for one warm-up, and a route that skips it does not wait', async t => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let loads = 0
  const app = await appOf(() => {
    loads++
    return promise
  })
  t.equal((await app.inject('/first')).body, 'live')
  t.equal(loads, 0)
  const waiting = [app.inject('/'), app.inject('/')]
  t.equal((await app.inject('/first')).body, 'live')
  t.equal(loads, 1)
  resolve()
  for (const { body } of await Promise.all(waiting)) t.equal(body, 'loaded')
  await app.warmUp()
  t.equal((await app.inject('/')).body, 'loaded')
  t.equal(loads, 1)
})

t.test('if the warm-up fails, requests fail, and the next request retries it', async t => {
  let isBroken = true
  const app = await appOf(async () => {
    if (isBroken) throw new Error('no such file')
  })
  t.equal((await app.inject('/')).statusCode, 500)
  t.equal((await app.inject('/first')).statusCode, 200)
  isBroken = false
  t.equal((await app.inject('/')).body, 'loaded')
})

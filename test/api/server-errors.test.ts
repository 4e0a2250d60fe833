import t from 'tap'
import { startAws } from '../support/aws.ts'
import { buildTestApi } from './support.ts'

t.test('a connection that the api can not accept is logged, and the api keeps serving', async t => {
  const { app, url, log } = await buildTestApi(t, await startAws(t))
  for (const message of ['accept ENOBUFS', 'accept ENOMEM']) app.server.emit('error', new Error(message))
  t.equal(log.filter(line => line.includes('a connection could not be accepted')).length, 2)
  t.equal((await fetch(`${url}/livez`)).status, 200)
})

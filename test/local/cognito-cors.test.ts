import t from 'tap'
import { addUser, CLIENT, PASSWORD, POOL, start } from './cognito-client.ts'

const ORIGIN = 'http://localhost:5173'
const asked = {
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'content-type,x-amz-target',
}

t.test('pages of the configured origins may sign in, and read errors', async t => {
  const server = await start(t, { corsOrigins: ['http://localhost:*'] })
  await addUser(t, server)
  const preflight = await fetch(server.url, { method: 'OPTIONS', headers: { origin: ORIGIN, ...asked } })
  t.equal(preflight.status, 200)
  t.match(Object.fromEntries(preflight.headers), {
    'access-control-allow-origin': ORIGIN,
    'access-control-allow-methods': /POST/,
    'access-control-allow-headers': 'content-type,x-amz-target',
    vary: 'Origin',
  })
  for (const [password, status] of [
    [PASSWORD, 200],
    ['wrong horse', 400],
  ] as const) {
    const answer = await fetch(server.url, {
      method: 'POST',
      headers: {
        origin: ORIGIN,
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'AWSCognitoIdentityProviderService.InitiateAuth',
      },
      body: JSON.stringify({
        ClientId: CLIENT,
        AuthFlow: 'USER_PASSWORD_AUTH',
        AuthParameters: { USERNAME: 'ada', PASSWORD: password },
      }),
    })
    t.equal(answer.status, status)
    t.equal(answer.headers.get('access-control-allow-origin'), ORIGIN)
    t.match(answer.headers.get('access-control-expose-headers'), /x-amzn-ErrorType/)
  }
  const keys = await fetch(`${server.url}/${POOL}/.well-known/jwks.json`, { headers: { origin: ORIGIN } })
  t.equal(keys.headers.get('access-control-allow-origin'), ORIGIN)
})

t.test('no page of another origin may call the server', async t => {
  for (const corsOrigins of [['http://localhost:*'], []]) {
    const server = await start(t, { corsOrigins })
    for (const origin of ['https://evil.example', 'null', 'http://localhost:1.evil.example']) {
      const preflight = await fetch(server.url, { method: 'OPTIONS', headers: { origin, ...asked } })
      t.equal(preflight.headers.get('access-control-allow-origin'), null, origin)
      t.equal(preflight.headers.get('access-control-allow-headers'), null, origin)
    }
  }
})

import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { startCognito } from '../../services/local/cognito/index.ts'
import { addUser, CLIENT, call, get, isError, POOL, post, signIn, start, verifyToken } from './cognito-client.ts'

const TARGET = { 'x-amz-target': 'AWSCognitoIdentityProviderService.InitiateAuth' }

t.test('serves the documents of a pool at the paths of OpenID Connect', async t => {
  const server = await start(t)
  const issuer = server.issuer(POOL)
  const configuration = await get(`${issuer}/.well-known/openid-configuration`)
  t.match(configuration.body, {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    id_token_signing_alg_values_supported: ['RS256'],
    subject_types_supported: ['public'],
  })
  const jwks = await get(configuration.body.jwks_uri)
  const [key] = jwks.body.keys
  t.strictSame(Object.keys(key ?? {}).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use'], 'no part of the private key')
  t.match(key, { alg: 'RS256', kty: 'RSA', use: 'sig', e: 'AQAB' })
  t.equal(Buffer.from(key?.n ?? '', 'base64url').length, 256)
})

t.test('unknown paths get 404', async t => {
  const server = await start(t)
  const paths = [
    '/',
    '/us-east-1_None/.well-known/jwks.json',
    `/${POOL}`,
    `/${POOL}/.well-known/`,
    `/${POOL}/.well-known/jwks.json/more`,
    `/${POOL}/rotate-keys`,
    `/${POOL}/messages/nobody`,
    '//x',
  ]
  for (const path of paths) t.equal((await get(`${server.url}${path}`)).status, 404, path)
  for (const path of [`/us-east-1_None/rotate-keys`, `/${POOL}/.well-known/jwks.json`])
    t.equal((await post(`${server.url}${path}`, '', {})).status, 404, path)
  isError(t, await get(`${server.url}/${POOL}/messages/%FF`), 'InvalidParameterException')
})

t.test('rejects an operation that Cognito or this server does not know, with its name', async t => {
  const server = await start(t)
  isError(t, await call(server, 'MakeCoffee', {}), 'UnknownOperationException')
  isError(t, await post(server.url, '{}', {}), 'UnknownOperationException')
  isError(t, await post(server.url, '{}', { 'x-amz-target': 'toString' }), 'UnknownOperationException')
})

t.test('a value of the wrong type and a value that breaks a constraint get different errors', async t => {
  const server = await start(t)
  const unreadable = ['', '{', '[]', 'null', '"x"', '{"ClientId":7,"AuthFlow":"x"}', Uint8Array.of(0x7b, 0xff, 0x7d)]
  for (const body of unreadable) isError(t, await post(server.url, body, TARGET), 'SerializationException')
  const text = { ...TARGET, 'content-type': 'text/plain' }
  isError(t, await post(server.url, '{}', text), 'SerializationException', /content type/)

  const invalid = (input: object, message: RegExp) =>
    post(server.url, JSON.stringify(input), TARGET).then(reply =>
      isError(t, reply, 'InvalidParameterException', message),
    )
  await invalid({}, /^2 validation errors detected: Value null at 'clientId'.*; Value null at 'authFlow'/)
  await invalid({ ClientId: null, AuthFlow: 'x' }, /^1 validation error detected: Value null at 'clientId'/)
  await invalid({ ClientId: 'a b', AuthFlow: 'x' }, /Value at 'clientId' failed to satisfy constraint/)
})

t.test('no response repeats an invalid password', async t => {
  const server = await start(t)
  const Password = `hunter2${'x'.repeat(300)}`
  const { body } = await call(server, 'SignUp', { ClientId: CLIENT, Username: 'ada', Password })
  t.match(body.message, /password/)
  t.notMatch(JSON.stringify(body), /hunter2/)
})

t.test('rejects a body over 64 KiB, and keeps serving', async t => {
  const server = await start(t)
  const largest = `{"x":"${'x'.repeat(64 * 1024 - 8)}"}`
  isError(t, await post(server.url, largest, TARGET), 'InvalidParameterException')
  for (const size of [1, 500_000]) {
    const { status, body } = await post(server.url, `${largest}${' '.repeat(size)}`, TARGET)
    t.equal(status, 413)
    t.equal(body.__type, 'RequestEntityTooLargeException')
  }
  t.equal((await get(`${server.issuer(POOL)}/.well-known/jwks.json`)).status, 200)
})

t.test('closes the connection of a body that never ends', async t => {
  const server = await start(t)
  const socket = connect(server.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  const closed = new Promise(resolve => {
    socket.once('close', resolve)
    // The server may reset the connection before everything is sent. That is expected.
    socket.once('error', resolve)
  })
  const type = 'content-type: application/x-amz-json-1.1'
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${type}\r\nx-amz-target: ${TARGET['x-amz-target']}\r\n`)
  socket.write('transfer-encoding: chunked\r\n\r\n')
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  const pump = () => {
    if (socket.writable) socket.write(chunk, error => (error ? undefined : setImmediate(pump)))
  }
  pump()
  await closed
  t.ok(socket.bytesWritten < 64 * 1024 ** 2)
  t.equal((await get(`${server.issuer(POOL)}/.well-known/jwks.json`)).status, 200)
})

t.test('issuers start with the origin of the settings', async t => {
  const server = await start(t, { issuerOrigin: 'http://cognito:4300' })
  await addUser(t, server)
  const issuer = `http://cognito:4300/${POOL}`
  t.equal(server.issuer(POOL), issuer)
  const { IdToken, AccessToken } = (await signIn(server)).body.AuthenticationResult
  t.equal((await verifyToken(IdToken, `${server.url}/${POOL}`)).claims.iss, issuer)
  t.equal((await call(server, 'GetUser', { AccessToken })).status, 200)
  const { body } = await get(`${server.url}/${POOL}/.well-known/openid-configuration`)
  t.equal(body.jwks_uri, `${issuer}/.well-known/jwks.json`)
})

t.test('a stop releases the port, even while a client is slow', async t => {
  const server = await startCognito()
  const socket = connect(server.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.on('error', () => socket.destroy())
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-amz-json-1.1\r\n')
  socket.write(`x-amz-target: ${TARGET['x-amz-target']}\r\ncontent-length: 10\r\n\r\n{`)
  // A second request, to be certain that the server has read the head of the first one.
  t.equal((await get(`${server.url}/`)).status, 404)
  await Promise.all([server.stop(), server.stop()])
  const again = await startCognito({ port: server.port })
  t.equal(again.port, server.port)
  await t.rejects(startCognito({ port: server.port }), { code: 'EADDRINUSE' })
  await again.stop()
})

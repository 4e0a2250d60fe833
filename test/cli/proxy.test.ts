import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { runHeadgate } from './program.ts'

t.test('the commands use the proxy of HTTPS_PROXY, except for this machine and the hosts in NO_PROXY', async t => {
  const asked: string[] = []
  const proxy = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(502).end()
  })
  proxy.on('connect', ({ url }, socket) => {
    asked.push(`CONNECT ${url}`)
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close())
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const env = { HTTPS_PROXY: url, HTTP_PROXY: url, HEADGATE_CONFIG_DIR: t.testdir() }
  const login = (api: string, more = {}) => runHeadgate(t, { ...env, ...more }, 'login', api)

  t.equal((await login('https://api.invalid')).code, 1)
  t.same(asked, ['CONNECT api.invalid:443'])
  t.equal((await login('http://127.0.0.1:9')).code, 1)
  t.equal((await login('https://api.invalid', { NO_PROXY: 'api.invalid' })).code, 1)
  t.same(asked, ['CONNECT api.invalid:443'])

  // A command of operators.
  const check = {
    API_URL: 'https://api.invalid',
    AWS_REGION: 'us-east-1',
    UPLOAD_BUCKET: 'uploads',
    PROCESSED_BUCKET: 'processed',
    COGNITO_USER_POOL_ID: 'us-east-1_headgate',
    COGNITO_CLIENT_ID: 'headgate0local0client00001',
  }
  await runHeadgate(t, { ...env, ...check }, 'doctor', '--only', 'api-without-token')
  t.same(asked.slice(1), ['CONNECT api.invalid:443'], 'doctor')

  const invalid = await runHeadgate(t, { HTTPS_PROXY: 'user:secret@', HEADGATE_CONFIG_DIR: t.testdir() }, 'ls')
  t.match(invalid, { code: 2, stderr: /^HTTP_PROXY or HTTPS_PROXY is not the URL of a proxy, such as [^\n]*\n$/ })
})

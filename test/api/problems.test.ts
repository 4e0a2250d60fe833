import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import t from 'tap'
import { catalogue } from '../../services/api/problems/catalogue.ts'
import { problemFromError } from '../../services/api/problems/error-to-problem.ts'
import { NoPartBufferError } from '../../services/platform/s3/memory-pool.ts'
import { startAws } from '../support/aws.ts'
import { ask, buildTestApi, createTestUser, isProblem } from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)

t.test('docs/reference/errors.md explains every kind of problem, with its status, and no other', async t => {
  const text = await readFile(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8')
  const explained = [...text.matchAll(/^### `([^`]+)`\nStatus (\d{3})/gm)].map(
    ([, slug, status]) => `${slug} ${status}`,
  )
  const known = Object.entries(catalogue).map(([slug, { status }]) => `${slug} ${status}`)
  t.same(explained, known)
  t.equal([...text.matchAll(/^### /gm)].length, known.length)
})

t.test('an unknown path and an unsupported method are problems', async t => {
  isProblem(t, await ask(`${api.url}/nothing`), 404, 'not-found')
  isProblem(t, await ask(`${api.url}/uploads/a/b`), 404, 'not-found')
  const wrong = await ask(`${api.url}/uploads`, { method: 'PUT' })
  isProblem(t, wrong, 405, 'method-not-allowed')
  t.equal(wrong.headers.get('allow'), 'GET, HEAD, OPTIONS, POST')
  const wrongToo = await ask(`${api.url}/uploads/1`, { method: 'PUT' })
  isProblem(t, wrongToo, 405, 'method-not-allowed')
  t.equal(wrongToo.headers.get('allow'), 'DELETE, GET, HEAD, OPTIONS')
})

t.test('a path that is not a URL is a problem', async t => {
  isProblem(t, await ask(`${api.url}/%zz`), 400, 'bad-request')
})

t.test('bytes that are not HTTP get a problem on the socket', async t => {
  const cases: Array<[string, string, number, string]> = [
    ['no HTTP', 'hello\r\n\r\n', 400, 'bad-request'],
    [
      'headers over the bound',
      `GET /livez HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(140_000)}\r\n\r\n`,
      431,
      'headers-too-large',
    ],
  ]
  for (const [name, text, status, slug] of cases) {
    const answer = await sendText(text)
    t.match(
      answer,
      new RegExp(`^HTTP/1\\.1 ${status} .*application/problem\\+json.*urn:headgate:problem:${slug}`, 's'),
      name,
    )
  }
})

t.test('the id of a request is the caller’s if it is safe, and is in the response', async t => {
  const ids: Array<[string, boolean]> = [
    ['abc-123_X.9', true],
    ['x'.repeat(128), true],
    ['x'.repeat(129), false],
    ['a b', false],
    ['<script>', false],
    ['ü', false],
  ]
  for (const [id, isTaken] of ids) {
    const { headers, body } = await ask(`${api.url}/nothing`, { headers: { 'x-request-id': id } })
    const answered = headers.get('x-request-id')
    t.equal(body.instance, `urn:headgate:request:${answered}`)
    if (isTaken) t.equal(answered, id)
    else t.match(answered, /^[0-9a-f]{8}-[0-9a-f-]{27}$/, `not ${id}`)
  }
})

t.test('an unexpected error reveals nothing internal', async t => {
  const secret = Object.assign(new Error('password is hunter2'), { code: 'ESECRET' })
  t.match(problemFromError(secret), { slug: 'internal-error' })
  t.notMatch(JSON.stringify(problemFromError(secret)), /hunter2/)
  t.match(problemFromError('a string'), { slug: 'internal-error' })
})

t.test('throttling is distinguished from a missing permission', async t => {
  const throttled = Object.assign(new Error('slow'), { name: 'SlowDown', $metadata: { httpStatusCode: 503 } })
  const exceeded = Object.assign(new Error('x'), {
    name: 'ProvisionedThroughputExceededException',
    $metadata: { httpStatusCode: 400 },
  })
  const denied = Object.assign(new Error('no'), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } })
  t.match(problemFromError(throttled), { slug: 'unavailable', headers: { 'retry-after': /^\d+$/ } })
  t.match(problemFromError(exceeded), { slug: 'unavailable' })
  t.match(problemFromError(denied), { slug: 'internal-error' })
  const full = new NoPartBufferError('Too many uploads are in flight.')
  t.match(problemFromError(full), { slug: 'unavailable', detail: full.message, headers: { 'retry-after': /^\d+$/ } })
})

t.test('after a rejected request with a small body the connection stays open', async t => {
  const user = await createTestUser(aws)
  const body = JSON.stringify({ filename: 'a/b' })
  const head = `POST /uploads HTTP/1.1\r\nhost: a\r\nauthorization: ${user.auth.authorization}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  const answers = await sendText(`${head}${body}GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
  t.match(answers, /invalid-filename.*HTTP\/1\.1 200 OK.*"status":"ok"/s)
})

/** Sends text that makes the server close the connection. */
async function sendText(text: string): Promise<string> {
  const { port, hostname } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  socket.write(text)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

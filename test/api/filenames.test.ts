import t from 'tap'
import { startAws } from '../support/aws.ts'
import { form } from './form.ts'
import {
  type Answer,
  ask,
  buildTestApi,
  createTestUser,
  isProblem,
  NO_TRACES,
  postJson,
  type TestUser,
} from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)

const ways: Record<string, (user: TestUser, filename: string) => Promise<Answer>> = {
  json: (user, filename) => postJson(api, user, { filename, content: 'x' }),
  raw: (user, filename) =>
    ask(`${api.url}/uploads?filename=${encodeURIComponent(filename)}`, {
      method: 'POST',
      headers: user.auth,
      body: Buffer.from('x'),
    }),
  multipart: (user, filename) => {
    const { body, headers } = form([{ name: 'file', filename, type: 'text/plain', value: 'x' }])
    return ask(`${api.url}/uploads`, { method: 'POST', headers: { ...user.auth, ...headers }, body })
  },
}

/** File names of forms that are paths on the client, with the name that the api keeps. */
const paths: Array<[string, string, string]> = [
  ['a path', 'folder/a.txt', 'a.txt'],
  ['an absolute path', '/etc/passwd', 'passwd'],
  ['a Windows path', 'C:\\Windows\\a.txt', 'a.txt'],
  ['a path that browsers make up', 'C:\\fakepath\\a b.txt', 'a b.txt'],
  ['a share of Windows', '\\\\server\\share\\a.txt', 'a.txt'],
  ['a backslash alone', 'a\\b', 'b'],
]

const refused: Array<[string, string]> = [
  ['the parent', '..'],
  ['this folder', '.'],
  ['a path upwards', '../../etc/passwd'],
  ['a path that leads upwards on the way', 'a/../b.txt'],
  ['a path upwards, of Windows', 'a\\..\\b.txt'],
  ['a path without a name', 'folder/'],
  ['an encoded path with dots', '..%2F..%2Fa.txt'],
  ['a NUL', 'a\0.txt'],
  ['a bell', 'a\x07.txt'],
  ['a DEL', 'a\x7f.txt'],
  ['a C1 control', 'a\x85.txt'],
  ['a right-to-left override', 'a\u202Egnp.exe'],
  ['an isolate', 'a\u2066b.txt'],
  ['a line separator', 'a\u2028b.txt'],
  ['blanks', ' \u3000 '],
  ['1,025 bytes', 'x'.repeat(1_025)],
  ['1,026 bytes in 513 characters', 'ä'.repeat(513)],
]

t.test('a file name that could be a path or is misleading is rejected in every upload format', async t => {
  for (const [way, send] of Object.entries(ways)) {
    const user = await createTestUser(aws)
    for (const [name, filename] of refused) {
      isProblem(t, await send(user, filename), 400, 'invalid-filename', `${way}: ${name}`)
    }
    t.same(await user.traces(), NO_TRACES, `${way}: nothing is stored`)
  }
})

t.test('a path is rejected as a name, and reduced to its last segment in a form', async t => {
  const user = await createTestUser(aws)
  for (const [name, path, filename] of paths) {
    t.match(await send('multipart', user, path), { status: 200, body: { filename } }, `multipart: ${name}`)
    for (const way of ['json', 'raw'])
      isProblem(t, await send(way, user, path), 400, 'invalid-filename', `${way}: ${name}`)
  }
})

t.test('a line break in a name is rejected', async t => {
  const user = await createTestUser(aws)
  for (const filename of ['a\nb', 'a\r\nb', 'a\tb', '']) {
    isProblem(t, await postJson(api, user, { filename }), 400, 'invalid-filename', JSON.stringify(filename))
    if (filename !== '')
      isProblem(t, await send('raw', user, filename), 400, 'invalid-filename', `raw: ${JSON.stringify(filename)}`)
  }
  isProblem(t, await send('raw', user, ''), 400, 'invalid-filename', 'raw: no name')
  t.same(await user.traces(), NO_TRACES)
})

t.test('a name that is too long for an S3 key is rejected before anything is stored', async t => {
  const user = await createTestUser(aws)
  for (const bytes of [860, 1_000, 1_024]) {
    const answer = await postJson(api, user, { filename: 'x'.repeat(bytes) })
    isProblem(t, answer, 400, 'invalid-filename')
    t.match(answer.body.detail, /^The file name is longer than 859 bytes/)
  }
  t.same(await user.traces(), NO_TRACES)
})

t.test('a name of the maximum length is accepted', async t => {
  const user = await createTestUser(aws)
  const filename = 'x'.repeat(859)
  t.match(await postJson(api, user, { filename }), { status: 200, body: { filename } })
})

t.test('a query that is not percent-encoded UTF-8 is rejected', async t => {
  const user = await createTestUser(aws)
  const queries = ['filename=%FF', 'filename=a%C3.txt', 'filename=100%.txt', 'filename=%zz', 'filename=%ED%A0%80']
  for (const query of [...queries, 'filename=a.txt&other=%FF', '%FF=a&filename=a.txt']) {
    const init = { method: 'POST', headers: user.auth, body: Buffer.from('x') }
    isProblem(t, await ask(`${api.url}/uploads?${query}`, init), 400, 'invalid-body', query)
  }
  t.same(await user.traces(), NO_TRACES)
})

const taken = [
  'a b.txt',
  '%2e%2e',
  'a..b.txt',
  '4.09.02 p.m..png',
  '...',
  '..a',
  'a..',
  '.a.',
  '%00.txt',
  'a;b=c.txt',
  "it's.txt",
  '.hidden',
  'no-extension',
  '~',
  'é',
  'CON',
  '{owner}.txt',
]

t.test('an unusual file name is kept unchanged in every upload format', async t => {
  for (const [way, send] of Object.entries(ways)) {
    const user = await createTestUser(aws)
    for (const filename of taken) {
      t.match(await send(user, filename), { status: 200, body: { filename } }, `${way}: ${filename}`)
    }
  }
})

function send(way: string, user: TestUser, filename: string): Promise<Answer> {
  const by = ways[way]
  if (!by) throw new Error(`There is no way ${way}`)
  return by(user, filename)
}

import t, { type Test } from 'tap'
import { v4 as uuidv4, v7 as uuidv7 } from 'uuid'
import { encodeCursor } from '../../services/api/routes/list-uploads.ts'
import { uploadStatuses } from '../../services/uploads/records/record.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { uploadRecord } from '../uploads/examples.ts'
import { readContract } from './contract.ts'
import { buildTestApi, createTestUser, isProblem, postJson, type TestUser } from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)
const contract = await readContract(api)
const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })

/** Creates records of a user's uploads, oldest first, without objects. */
async function seeded(user: TestUser, count: number, change = {}): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    const record = uploadRecord({ owner: user.sub, ...change })
    await store.create(record)
    ids.push(record.uploadId)
  }
  return ids
}

function list(t: Test, user: TestUser, query = '') {
  return contract.ask(t, 'get /uploads', `/uploads${query}`, { headers: user.auth })
}

const idsOf = ({ body }: { body: { uploads: Array<{ uploadId: string }> } }) =>
  body.uploads.map(({ uploadId }) => uploadId)

t.test('an owner lists uploads, newest first, with the same properties as each upload alone', async t => {
  const user = await createTestUser(aws)
  const other = await createTestUser(aws)
  await postJson(api, other, { content: 'not yours' })
  t.same((await list(t, user)).body, { uploads: [] }, 'none at first')
  const posted: string[] = []
  for (const filename of ['a.txt', 'b.txt', 'c.txt']) {
    const { body } = await postJson(api, user, { filename, content: filename })
    posted.unshift(String(body.uploadId))
  }
  const listed = await list(t, user)
  t.same(idsOf(listed), posted)
  t.equal(listed.headers.get('cache-control'), 'no-store')
  t.notOk(listed.headers.has('link'))
  const alone = await contract.ask(t, 'get /uploads/{id}', `/uploads/${posted[0]}`, { headers: user.auth })
  t.same(listed.body.uploads[0], alone.body)
})

t.test('following the links lists every upload once', async t => {
  const user = await createTestUser(aws)
  const ids = (await seeded(user, 7)).reverse()
  const seen: string[] = []
  let next = '/uploads?limit=3'
  const sizes: number[] = []
  while (next) {
    const page = await contract.ask(t, 'get /uploads', next, { headers: user.auth })
    seen.push(...idsOf(page))
    sizes.push(page.body.uploads.length)
    const link = page.headers.get('link')
    t.equal(link ?? undefined, page.body.next && `<${page.body.next}>; rel="next"`)
    next = page.body.next ?? ''
  }
  t.same(seen, ids)
  t.same(sizes, [3, 3, 1])
})

t.test('a full page without further uploads is the last', async t => {
  const user = await createTestUser(aws)
  await seeded(user, 3)
  const page = await list(t, user, '?limit=3')
  t.equal(page.body.uploads.length, 3)
  t.notOk('next' in page.body)
})

t.test('new uploads do not shift the pages', async t => {
  const user = await createTestUser(aws)
  const ids = (await seeded(user, 4)).reverse()
  const first = await list(t, user, '?limit=2')
  await seeded(user, 3)
  const second = await contract.ask(t, 'get /uploads', first.body.next, { headers: user.auth })
  t.same([...idsOf(first), ...idsOf(second)], ids)
})

t.test('uploads can be listed by status, and the next page has the same status', async t => {
  const user = await createTestUser(aws)
  const failed: string[] = []
  for (let index = 0; index < 5; index++) {
    await seeded(user, 2)
    failed.unshift(...(await seeded(user, 1, { status: 'failed', failure: { code: 'X', reason: 'No.' } })))
  }
  const first = await list(t, user, '?status=failed&limit=3')
  t.same(idsOf(first), failed.slice(0, 3))
  t.match(first.body.next, /status=failed/)
  const second = await contract.ask(t, 'get /uploads', first.body.next, { headers: user.auth })
  t.same(idsOf(second), failed.slice(3))
  t.notOk('next' in second.body)
  for (const status of uploadStatuses) t.equal((await list(t, user, `?status=${status}`)).status, 200)
})

t.test('another owner’s cursor shows only the caller’s own uploads', async t => {
  const user = await createTestUser(aws)
  const other = await createTestUser(aws)
  const [mine] = await seeded(user, 1)
  await seeded(other, 4)
  const page = await list(t, other, '?limit=2')
  const { searchParams } = new URL(page.body.next, api.url)
  const stolen = await list(t, user, `?cursor=${searchParams.get('cursor')}`)
  t.same(idsOf(stolen), [mine])
  t.notOk('next' in stolen.body)
})

t.test('a forged cursor is rejected', async t => {
  const user = await createTestUser(aws)
  const cursor = encodeCursor(uuidv7())
  const cases = [
    '',
    'x',
    '%00',
    'e30',
    `${cursor}A`,
    `${cursor}=`,
    encodeCursor(uuidv4()),
    encodeURIComponent('owner/1'),
  ]
  for (const bad of cases) {
    isProblem(t, await list(t, user, `?cursor=${bad}`), 400, 'invalid-cursor', bad)
  }
  t.equal((await list(t, user, `?cursor=${cursor}`)).status, 200)
})

t.test('an invalid query is rejected', async t => {
  const user = await createTestUser(aws)
  const cases = [
    'limit=0',
    'limit=101',
    'limit=-1',
    'limit=1e2',
    'limit=',
    'limit=5&limit=6',
    'status=deleted',
    'status=',
    'status=failed&status=stored',
    `cursor=${'A'.repeat(65)}`,
  ]
  for (const query of cases) isProblem(t, await list(t, user, `?${query}`), 400, 'invalid-body', query)
})

t.test('without a token nothing is listed', async t => {
  isProblem(t, await contract.ask(t, 'get /uploads', '/uploads'), 401, 'missing-token')
})

t.test('HEAD has the headers of the list, and OPTIONS its methods', async t => {
  const user = await createTestUser(aws)
  await seeded(user, 2)
  const head = await contract.ask(t, 'get /uploads', '/uploads?limit=1', { method: 'HEAD', headers: user.auth })
  t.equal(head.status, 200)
  t.match(head.headers.get('link'), /rel="next"/)
  const options = await fetch(`${api.url}/uploads`, { method: 'OPTIONS' })
  t.equal(options.status, 204)
  t.equal(options.headers.get('allow'), 'GET, HEAD, OPTIONS, POST')
})

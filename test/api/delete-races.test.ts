import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { createCleanUp, endPending } from '../../services/api/pending/end-pending.ts'
import { names } from '../../services/platform/resources.ts'
import { TAILS } from '../../services/uploads/pending/pending.ts'
import { createPendingStore } from '../../services/uploads/pending/pending-store.ts'
import { startAws } from '../support/aws.ts'
import { operation, startFaultProxy, to } from '../support/fault-proxy.ts'
import { complete, grant, partsOf, send } from './grants/support.ts'
import { buildTestApi, createTestUser, type TestUser } from './support.ts'
import { tusClient, uploadIdOf } from './tus/client.ts'

const MIB = 1024 ** 2

const aws = await startAws(t)
// Two apps share nothing but S3 and DynamoDB, as two processes do.
const apis = [await buildTestApi(t, aws), await buildTestApi(t, aws)] as const
const pending = createPendingStore({ dynamodb: aws.dynamodb, table: names.uploadsTable })

function remove({ url }: { url: string }, { auth }: Pick<TestUser, 'auth'>, uploadId: string) {
  return fetch(`${url}/uploads/${uploadId}`, { method: 'DELETE', headers: auth })
}

async function keysUnder(prefix: string): Promise<string[]> {
  const { Contents = [] } = await aws.s3.send(
    new ListObjectsV2Command({ Bucket: aws.env.UPLOAD_BUCKET, Prefix: prefix }),
  )
  return Contents.map(({ Key = '' }) => Key)
}

/** Asserts that nothing of the user's uploads is left but tombstones. */
async function hasNothing(t: Test, user: TestUser, message: string): Promise<void> {
  const { objects, records, openUploads } = await user.traces()
  t.same(objects, [], `${message}: objects`)
  t.equal(openUploads, 0, `${message}: multipart uploads`)
  t.same(await keysUnder(`${TAILS}${user.sub}/`), [], `${message}: tails`)
  t.ok(
    records.every(({ status }) => status === 'deleted'),
    `${message}: records`,
  )
}

t.test('after a 204 to DELETE during a tus PATCH nothing of the upload is left', async t => {
  for (const [size, sent] of [
    [8, 8],
    [9 * MIB, 9 * MIB],
    [12 * MIB, 10 * MIB],
  ] as const) {
    const bytes = randomBytes(sent)
    for (let n = 0; n < 8; n++) {
      const user = await createTestUser(aws)
      const url = await tusClient(apis[0], user).begin(size)
      const patching = tusClient(apis[0], user).patch(url, 0, bytes)
      await delay(n * (size === 8 ? 2 : 15))
      const removed = await remove(apis[n % 2 === 0 ? 0 : 1], user, uploadIdOf(url))
      t.equal(removed.status, 204, `${size} bytes, try ${n}`)
      await hasNothing(t, user, `${size} bytes, try ${n}, as soon as DELETE is answered`)
      const { status } = await patching
      t.ok(status < 500, `${status}`)
      await hasNothing(t, user, `${size} bytes, try ${n}, once PATCH is answered`)
    }
  }
})

t.test('a PATCH whose upload was deleted removes the bytes that it still writes', async t => {
  const s3 = await startFaultProxy(t, aws.endpoints.s3)
  const api = await buildTestApi(t, aws, { endpoints: { s3: s3.url } })
  const deps = { cleanUp: createCleanUp(aws.s3), pending }
  const writes = { 'the whole file': 8, 'the beginning of a part': 4 } as const
  for (const [what, sent] of Object.entries(writes)) {
    const user = await createTestUser(aws)
    const url = await tusClient(api, user).begin(8)
    // Like a process that is paused until its lock expires, so that another process ends the upload.
    const held = s3.inject(
      async exchange => {
        await endPending(deps, { owner: user.sub, uploadId: uploadIdOf(url) })
        await exchange.pass()
      },
      { when: to('PUT'), times: 1 },
    )
    const { status } = await tusClient(api, user).patch(url, 0, randomBytes(sent))
    t.ok([404, 410, 423].includes(status), `${what}: ${status}`)
    t.equal(held.hits, 1)
    await hasNothing(t, user, what)
  }
})

for (const template of ['uploads/{owner}/{uploadId}/{filename}', 'uploads/{filename}']) {
  const env = { KEY_TEMPLATE: template, GRANT_PARTS_ABOVE_BYTES: String(5 * MIB) }

  t.test(`a completion removes the object of an upload that was deleted in the meantime: ${template}`, async t => {
    const dynamodb = await startFaultProxy(t, aws.endpoints.dynamodb)
    const api = await buildTestApi(t, aws, { env, endpoints: { dynamodb: dynamodb.url } })
    for (const bytes of [randomBytes(5), randomBytes(6 * MIB)]) {
      const user = await createTestUser(aws)
      const granted = await grant(api, user, { filename: `${user.sub}.bin`, size: bytes.length })
      if (granted.put) t.equal((await send(granted.put, bytes)).status, 200)
      for (const [index, part] of partsOf(granted, bytes).entries()) {
        const request = granted.parts?.[index]
        if (request) t.equal((await send(request, part)).status, 200)
      }
      // The deletion ends the upload before S3 has created the object, and finds nothing to remove.
      const marking = dynamodb.inject(
        async exchange => {
          const body = await exchange.body()
          if (body.includes(':stored')) await pending.end({ owner: user.sub, uploadId: granted.uploadId })
          await exchange.relay(await exchange.forward(body))
        },
        { when: operation('UpdateItem') },
      )
      const answer = await complete(api, user, granted.uploadId)
      marking.remove()
      t.ok(marking.hits > 0)
      t.equal(answer.status, 404)
      t.same(await keysUnder(granted.s3.key), [])
    }
  })

  t.test(`a form with a rejected file leaves nothing: ${template}`, async t => {
    const api = await buildTestApi(t, aws, { env: { ...env, ALLOWED_TYPES: 'text/*' } })
    const user = await createTestUser(aws)
    const form = new FormData()
    form.append('file', new File(['first'], `${user.sub}.txt`, { type: 'text/plain' }))
    form.append('file', new File(['second'], `${user.sub}.bin`, { type: 'application/x-test' }))
    const response = await fetch(`${api.url}/uploads`, { method: 'POST', headers: user.auth, body: form })
    t.equal(response.status, 415)
    const kept = (await keysUnder('uploads/')).filter(key => key.includes(user.sub))
    t.same(kept, [])
  })
}

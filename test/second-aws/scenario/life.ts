import type { Test } from 'tap'
import { outputsPrefix, processedKey } from '../../../services/uploads/objects/keys.ts'
import { listen } from '../../api/event-source.ts'
import { form } from '../../api/form.ts'
import { type Answer, ask, isProblem } from '../../api/support.ts'
import { accepted, download, follow, get, post, postJson, type Scene, untilProcessed } from './scene.ts'

/** Tests everything about uploads except the upload formats. */
export async function tryLife(t: Test, scene: Scene): Promise<void> {
  const { api, user, other, expected } = scene
  const remove = (uploadId: string, { auth }: { auth: Record<string, string> } = user) =>
    fetch(`${api.url}/uploads/${uploadId}`, { method: 'DELETE', headers: auth })

  await t.test('the api accepts a valid access token or id token, and no other token', async t => {
    const without = (headers: Record<string, string>) => ask(`${api.url}/uploads`, { headers })
    isProblem(t, await without({}), 401, 'missing-token')
    const [head = '', payload = '', signature = ''] = user.accessToken.split('.')
    const forged = [head, payload, signature.replace(/^../, 'AA')].join('.')
    isProblem(t, await without({ authorization: `Bearer ${forged}` }), 401, 'invalid-token')
    t.equal((await without({ authorization: `Bearer ${user.idToken}` })).status, 200)
  })

  await t.test('requests with the same Idempotency-Key create one upload', async t => {
    const key = { 'idempotency-key': 'second-aws-1' }
    const first = await postJson(scene, { filename: 'once.txt', content: 'once' }, key)
    const again = await postJson(scene, { filename: 'once.txt', content: 'once' }, key)
    t.equal(accepted(again).uploadId, accepted(first).uploadId)
    isProblem(t, await postJson(scene, { filename: 'once.txt', content: 'twice' }, key), 422, 'idempotency-key-reused')
    await follow(t, scene, first, { bytes: 'once', output: 'ONCE' })
  })

  await t.test('a table is processed to several outputs, one of which is an item of the table', async t => {
    const content = 'a,b\n1,2\n3\n4,5\n'
    const main = '{"a":"1","b":"2"}\n{"a":"4","b":"5"}\n'
    const answer = await post(scene, {
      query: '?filename=t.csv',
      headers: { 'content-type': 'text/csv' },
      body: content,
    })
    const upload = await follow(t, scene, answer, { bytes: content, output: main })
    const at = `/uploads/${upload.uploadId}`
    const { outputs } = (await get(scene, at)).body as { outputs: Array<{ name: string }> }
    t.same(outputs.map(({ name }) => name).sort(), ['bad-rows.json', 'main', 'table.json'])
    t.equal((await download(scene, `${at}/processed`)).bytes.toString(), main)
    const table = await download(scene, `${at}/outputs/table.json`)
    t.match(JSON.parse(table.bytes.toString()), { rows: 2, badRows: 1 })
    expected.output(`${outputsPrefix(upload.s3.key)}table.json`, table.bytes)
    const bad = await download(scene, `${at}/outputs/bad-rows.json`)
    t.match(JSON.parse(bad.bytes.toString()), { goodRows: 2, badRows: 1, first: [{ line: 3 }] })
  })

  await t.test('the event stream reports an upload until it is processed', async t => {
    const answer = await postJson(scene, { filename: 'events.txt', content: 'events' })
    const { uploadId } = accepted(answer)
    const events = await listen(t, `${api.url}/uploads/${uploadId}/events`, user.auth)
    t.equal(events.status, 200)
    const { events: all } = await events.rest()
    const last = all.at(-1)
    t.match(last, { event: 'upload', data: { uploadId, status: 'processed' } })
    const again = { ...user.auth, 'last-event-id': String(last?.id) }
    t.equal((await fetch(`${api.url}/uploads/${uploadId}/events`, { headers: again })).status, 204)
    await follow(t, scene, answer, { bytes: 'events', output: 'EVENTS' })
  })

  await t.test('no object or output of a deleted upload stays', async t => {
    const made = await postJson(scene, { filename: 'deleted.txt', content: 'deleted' })
    const upload = accepted(made)
    await untilProcessed(t, scene, upload)
    t.equal((await remove(upload.uploadId, other)).status, 404, 'another user cannot delete it')
    t.equal((await remove(upload.uploadId)).status, 204)
    expected.deleted(upload)
    for (const path of ['', '/content', '/processed', '/events']) {
      isProblem(t, await get(scene, `/uploads/${upload.uploadId}${path}`), 404, 'not-found', path)
    }
    const early = accepted(await postJson(scene, { filename: 'early.txt', content: 'deleted at once' }))
    t.equal((await remove(early.uploadId)).status, 204, 'before it is processed')
    expected.deleted(early)
  })

  await tryNames(t, scene)

  await t.test(
    'the pages of a list have every upload of the user once, newest first, and no upload of others',
    async t => {
      const theirs = accepted(await postJson({ api, user: other }, { filename: 'other.txt', content: 'other' }))
      expected.processed(theirs, 'other', 'OTHER')
      isProblem(t, await get(scene, `/uploads/${theirs.uploadId}`), 404, 'not-found', 'another user’s')
      const ids: string[] = []
      for (let next: unknown = '/uploads?limit=3'; next !== undefined; ) {
        const { status, body }: Answer = await get(scene, String(next))
        t.equal(status, 200)
        ids.push(...(body.uploads as Array<{ uploadId: string }>).map(({ uploadId }) => uploadId))
        next = body.next
      }
      t.strictSame(ids, [...new Set(ids)].sort().reverse())
      // Deleted uploads are not listed. The first upload of the step before was deleted, and its second one.
      t.equal(ids.length, expected.count - 3)
      const all = await get({ api, user: other }, '/uploads')
      t.match(all.body.uploads, [{ uploadId: theirs.uploadId }])
      await untilProcessed(t, { ...scene, user: other }, theirs)
    },
  )
}

const NAMES = [
  'with space.txt',
  'plus+and%20percent.txt',
  'größe-日本語-🙂.txt',
  'a&b<c>"d"\'e.txt',
  'hash#question?semicolon;.txt',
  '..two-dots..txt',
  `${'ä'.repeat(400)}.txt`,
]

async function tryNames(t: Test, scene: Scene): Promise<void> {
  await t.test('filenames of every kind keep their characters in every upload format', async t => {
    for (const filename of NAMES) {
      const byForm = form([
        { name: 'file', filename: filename.replaceAll('"', '%22'), type: 'text/plain', value: 'name' },
      ])
      const answers = [
        await postJson(scene, { filename, content: 'name' }),
        await post(scene, {
          query: `?filename=${encodeURIComponent(filename)}`,
          headers: { 'content-type': 'text/plain' },
          body: 'name',
        }),
        await post(scene, byForm),
      ]
      for (const answer of answers) {
        t.equal(answer.body.filename, filename)
        const upload = await follow(t, scene, answer, { bytes: 'name', output: 'NAME' })
        const { headers, bytes } = await download(scene, `/uploads/${upload.uploadId}/processed`)
        t.equal(bytes.toString(), 'NAME', processedKey(upload.s3.key))
        const encoded = /filename\*=UTF-8''([^;]+)/.exec(headers.get('content-disposition') ?? '')?.[1]
        const plain = /filename="([^"]*)"/.exec(headers.get('content-disposition') ?? '')?.[1]
        const saved = encoded === undefined ? plain : decodeURIComponent(encoded)
        // The name in Content-Disposition is shortened if no file system accepts the whole name.
        t.equal(saved, filename.length > 200 ? `${'ä'.repeat(125)}.txt` : filename, 'as a file to save')
      }
    }
  })
}

import { hash, randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { Upload } from 'tus-js-client'
import { complete, grant, partsOf, send } from '../../api/grants/support.ts'
import { type Answer, isProblem } from '../../api/support.ts'
import { tusClient, uploadIdOf } from '../../api/tus/client.ts'
import type { AcceptedUpload } from './expectations.ts'
import { accepted, BINARY, download, follow, get, post, postJson, type Scene } from './scene.ts'

const MIB = 1024 ** 2

export interface UploadFormatSettings {
  /** Sizes of raw bodies, in bytes. */
  rawBytes: readonly number[]
  /** The size of a file that is granted in one PUT, and of one in parts: the api's GRANT_PARTS_ABOVE_BYTES lies between. */
  grantBytes: { single: number; parts: number }
  /** The size of a file by tus, and of a request of it. */
  tus: { bytes: number; chunkBytes: number }
}

/** The sizes for a gateway without its own limits. The api needs GRANT_PARTS_ABOVE_BYTES of 8 MiB. */
export const PLAIN: UploadFormatSettings = {
  rawBytes: [1, 128 * 1024, 128 * 1024 + 1, 8 * MIB, 60 * MIB],
  grantBytes: { single: 3 * MIB, parts: 21 * MIB },
  tus: { bytes: 13 * MIB + 7, chunkBytes: 4 * MIB },
}

const digestOf = (bytes: Uint8Array) => `sha-256=:${hash('sha256', bytes, 'base64')}:`

/** Tests every upload format, and follows each upload to its output. */
export async function tryUploadFormats(t: Test, scene: Scene, settings: UploadFormatSettings): Promise<void> {
  await t.test('JSON with a name and a content becomes HELLO KINESIS', async t => {
    const answer = await postJson(scene, { filename: 'demo.txt', content: 'hello kinesis' })
    await follow(t, scene, answer, { bytes: 'hello kinesis', output: 'HELLO KINESIS' })
  })

  await t.test('JSON without a filename and content uses the defaults', async t => {
    const answer = await postJson(scene, {})
    const { bytes } = await download(scene, `/uploads/${accepted(answer).uploadId}/content`)
    await follow(t, scene, answer, { bytes, output: bytes.toString().toUpperCase() })
  })

  await t.test('a form with several files creates an upload for each', async t => {
    const files = { 'one.txt': 'erste Größe', 'two.txt': 'zweite', 'three.txt': 'third' }
    const form = new FormData()
    for (const [name, text] of Object.entries(files))
      form.append('file', new File([text], name, { type: 'text/plain' }))
    const { status, body } = await post(scene, { body: form })
    t.equal(status, 200, JSON.stringify(body))
    const uploads = body.uploads as Array<AcceptedUpload & { filename: keyof typeof files }>
    t.same(
      uploads.map(({ filename }) => filename),
      Object.keys(files),
    )
    for (const upload of uploads) {
      const bytes = files[upload.filename]
      await follow(t, scene, upload, { bytes, output: bytes.toUpperCase() })
    }
  })

  await t.test('a raw body of any size is stored completely', async t => {
    for (const size of settings.rawBytes) {
      const bytes = randomBytes(size)
      const headers = { 'content-type': BINARY, 'content-digest': digestOf(bytes) }
      const answer = await post(scene, { query: `?filename=raw-${size}.bin`, headers, body: bytes })
      t.match(answer, { status: 200, body: { size, sha256: hash('sha256', bytes) } }, `${size} bytes`)
      await follow(t, scene, answer, { bytes, output: bytes })
    }
  })

  await t.test('a raw body with a wrong digest is rejected, and nothing of it stays', async t => {
    const headers = { 'content-type': BINARY, 'content-digest': digestOf(Buffer.from('another')) }
    for (const size of [100, 300_000]) {
      const answer = await post(scene, { query: '?filename=other.bin', headers, body: randomBytes(size) })
      isProblem(t, answer, 400, 'digest-mismatch')
    }
  })

  await tryGrants(t, scene, settings)
  await tryTus(t, scene, settings)
}

async function tryGrants(t: Test, scene: Scene, { grantBytes }: UploadFormatSettings): Promise<void> {
  const { api, user } = scene
  const grantFor = (size: number) => grant(api, user, { filename: `granted-${size}.bin`, contentType: BINARY, size })

  await t.test('a grant accepts a file in one PUT', async t => {
    const bytes = randomBytes(grantBytes.single)
    const granted = await grantFor(bytes.length)
    if (!granted.put) return t.fail('The grant has no PUT.')
    isProblem(t, await complete(api, user, granted.uploadId), 409, 'not-arrived', 'before the file is there')
    t.equal((await send(granted.put, bytes)).status, 200)
    await follow(t, scene, await complete(api, user, granted.uploadId), { bytes, output: bytes })
  })

  await t.test('a grant accepts a file in parts, in any order', async t => {
    const bytes = randomBytes(grantBytes.parts)
    const granted = await grantFor(bytes.length)
    const pieces = partsOf(granted, bytes)
    const requests = [...(granted.parts ?? [])].reverse()
    t.ok(requests.length > 1, `${requests.length} parts`)
    for (const request of requests) {
      if (request.partNumber === 1) {
        isProblem(t, await complete(api, user, granted.uploadId), 409, 'not-arrived', 'while a part is missing')
      }
      t.equal((await send(request, pieces[request.partNumber - 1] ?? Buffer.alloc(0))).status, 200)
    }
    const answer = await complete(api, user, granted.uploadId)
    await follow(t, scene, answer, { bytes, output: bytes })
    t.equal((await complete(api, user, granted.uploadId)).status, 200, 'again')
  })
}

async function tryTus(
  t: Test,
  scene: Scene,
  { tus: { bytes: size, chunkBytes } }: UploadFormatSettings,
): Promise<void> {
  const { api, user } = scene
  const uploadAt = async (url: string): Promise<Answer> => get(scene, `/uploads/${uploadIdOf(url)}`)

  await t.test('tus-js-client uploads a file in pieces', async t => {
    const bytes = randomBytes(size)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const upload = new Upload(bytes, {
      endpoint: `${api.url}/uploads/tus`,
      headers: user.auth,
      metadata: { filename: 'tus.bin', filetype: BINARY },
      chunkSize: chunkBytes,
      retryDelays: [200, 1_000],
      onSuccess: () => resolve(),
      onError: reject,
    })
    upload.start()
    await promise
    await follow(t, scene, await uploadAt(upload.url ?? ''), { bytes, output: bytes })
  })

  await t.test('an interrupted tus upload continues where it stopped', async t => {
    const bytes = randomBytes(size)
    const client = tusClient(api, user)
    const url = await client.begin(size, {
      'upload-metadata': `filename ${Buffer.from('resumed.bin').toString('base64')},filetype ${Buffer.from(BINARY).toString('base64')}`,
    })
    t.equal((await client.patch(url, 0, bytes.subarray(0, chunkBytes))).status, 204)
    const offset = await client.offset(url)
    t.equal(offset, chunkBytes)
    isProblem(t, await client.patch(url, 0, bytes.subarray(0, 10)), 409, 'offset-conflict', 'not from the beginning')
    t.equal((await client.patch(url, offset, bytes.subarray(offset))).status, 204)
    await follow(t, scene, await uploadAt(url), { bytes, output: bytes })
  })
}

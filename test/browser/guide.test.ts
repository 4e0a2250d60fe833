import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { build } from 'esbuild'
import t from 'tap'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { buildTestApi } from '../api/support.ts'
import { startAws } from '../support/aws.ts'
import { startChromium, startPages, whyNoChromium } from './chromium.ts'

const root = path.resolve(import.meta.dirname, '../..')

/** Returns a script that has the exports of all code blocks of the guide in `guide`. */
async function bundleGuide(): Promise<string> {
  const guide = readFileSync(`${root}/docs/how-to/browser.md`, 'utf8')
  const blocks = [...guide.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code)
  if (blocks.length < 9) throw new Error(`The guide has ${blocks.length} code blocks`)
  const { outputFiles } = await build({
    stdin: { contents: blocks.join('\n'), resolveDir: root, sourcefile: 'browser.md' },
    bundle: true,
    format: 'iife',
    globalName: 'guide',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

t.test('the code of the guide to browser pages', { skip: whyNoChromium() }, async t => {
  const origin = await startPages(t, {
    '/': { type: 'text/html', body: '<!doctype html><title>guide</title><script src="/guide.js"></script>' },
    '/guide.js': { type: 'text/javascript', body: await bundleGuide() },
  })
  const aws = await startAws(t, { corsOrigins: [origin] })
  const api = await buildTestApi(t, aws, { env: { CORS_ORIGINS: origin } })
  const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })
  const browser = await startChromium(t)
  const page = await browser.newPage()
  page.on('pageerror', error => t.fail(error.message))

  const settings = { api: api.url, cognito: aws.endpoints.cognito, clientId: aws.env.COGNITO_CLIENT_ID }
  const user = [aws.user.username, aws.user.password].map(text => JSON.stringify(text)).join(', ')
  /** Opens the page, as after a reload, and signs in. */
  const open = async () => {
    await page.goto(origin)
    await page.evaluate(`Object.assign(guide.settings, ${JSON.stringify(settings)}); guide.signIn(${user})`)
  }
  const run = <T>(code: string) =>
    page.evaluate<T>(`(async () => {
      const bytes = size => Uint8Array.from({ length: size }, (_, index) => index % 251)
      ${code}
    })()`)
  const digestOf = (size: number) =>
    createHash('sha256')
      .update(Uint8Array.from({ length: size }, (_, index) => index % 251))
      .digest('hex')
  const digest = `
    const digest = async blob =>
      [...new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()))]
        .map(byte => byte.toString(16).padStart(2, '0')).join('')`

  await t.test('a small file is uploaded once, followed until it is processed, and downloaded', async t => {
    await open()
    const first = await run<{ uploadId: string; s3: { bucket: string; key: string } }>(`
      const file = new File(['hello'], 'Grüße.txt', { type: 'text/plain' })
      const upload = await guide.uploadSmall(file, 'once')
      const again = await guide.uploadSmall(file, 'once')
      if (again.uploadId !== upload.uploadId) throw new Error('two uploads')
      globalThis.seen = []
      globalThis.following = (async () => {
        for await (const { status } of guide.follow(upload.uploadId)) globalThis.seen.push(status)
      })()
      while (globalThis.seen.length === 0) await new Promise(resolve => setTimeout(resolve, 10))
      return upload`)
    const [, owner = ''] = first.s3.key.split('/')
    await store.markProcessed({ owner, uploadId: first.uploadId }, first.s3, first.s3)
    const result = await run<Record<string, unknown>>(`
      await globalThis.following
      const { filename, size } = await guide.downloadOf('${first.uploadId}')
      const text = async what => (await guide.read('${first.uploadId}', what)).text()
      return { seen, filename, size, content: await text('content'), processed: await text('processed') }`)
    t.match(result, { filename: 'Grüße.txt', size: 5, content: 'hello', processed: 'hello' })
    t.match(result.seen, [/queued|stored/, 'processed'])
  })

  await t.test('a refused token is replaced, and a problem is an error with its type', async t => {
    await open()
    const result = await run<Record<string, unknown>>(`
      guide.tokens.idToken = 'expired'
      const response = await guide.call('/uploads')
      const problem = await guide.downloadOf('018f3a5e-0000-7000-8000-000000000000').catch(error => error)
      return { status: response.status, type: problem.type, message: problem.message }`)
    t.match(result, { status: 200, type: 'urn:headgate:problem:not-found', message: /\S/ })
  })

  const SIZE = 10 * 1024 ** 2
  await t.test('tus continues after a refused token, a pause and a reload of the page', async t => {
    await open()
    const paused = await run<number>(`
      const file = new File([bytes(${SIZE})], 'large.bin', { type: 'application/octet-stream', lastModified: 1 })
      const stored = await new Promise(async (resolve, reject) => {
        const upload = await guide.createUpload(file, {
          onProgress: sent => {
            if (sent < 5 * 1024 ** 2) return
            resolve(sent)
            upload.pause()
          },
        })
        upload.uploadId.catch(reject)
        upload.start()
      })
      return stored`)
    t.ok(paused < SIZE)
    await open()
    const result = await run<{ first: number; digest: string }>(`${digest}
      const file = new File([bytes(${SIZE})], 'large.bin', { type: 'application/octet-stream', lastModified: 1 })
      let first
      const upload = await guide.createUpload(file, { onProgress: sent => { first ??= sent } })
      guide.tokens.idToken = 'expired'
      upload.start()
      const uploadId = await upload.uploadId
      return { first, digest: await digest(await guide.read(uploadId)) }`)
    t.ok(result.first >= 4 * 1024 ** 2, `it continues at ${result.first}`)
    t.equal(result.digest, digestOf(SIZE))
  })

  await t.test('tus and Uppy refresh a token that is refused between two chunks', async t => {
    for (const start of [
      `const upload = await guide.createUpload(file, { onProgress })
       upload.start()
       const uploadId = await upload.uploadId`,
      `const uppy = guide.createUppy()
       uppy.on('upload-progress', (_, { bytesUploaded }) => onProgress(bytesUploaded))
       uppy.addFile({ name: file.name, type: file.type, data: file })
       const { successful, failed } = await uppy.upload()
       if (failed.length > 0) throw failed[0].error
       const uploadId = successful[0].uploadURL.split('/').at(-1)`,
    ]) {
      await open()
      const result = await run<{ statuses: number[]; digest: string }>(`${digest}
        const file = new File([bytes(${SIZE})], 'token.bin', { type: 'application/octet-stream', lastModified: 2 })
        const statuses = []
        const send = XMLHttpRequest.prototype.send
        XMLHttpRequest.prototype.send = function (body) {
          this.addEventListener('loadend', () => statuses.push(this.status))
          return send.call(this, body)
        }
        let isSpoiled = false
        const onProgress = sent => {
          if (isSpoiled || sent < 4 * 1024 ** 2) return
          isSpoiled = true
          guide.tokens.idToken = 'expired'
        }
        ${start}
        XMLHttpRequest.prototype.send = send
        return { statuses, digest: await digest(await guide.read(uploadId)) }`)
      t.equal(result.statuses.filter(status => status === 401).length, 1, result.statuses.join())
      t.equal(result.digest, digestOf(SIZE))
    }
  })

  await t.test('a download is saved under its name', async t => {
    await open()
    const saved = page.waitForEvent('download')
    await run(`
      const { uploadId } = await guide.uploadSmall(new File(['hello'], 'saved.txt', { type: 'text/plain' }))
      await guide.save(uploadId)`)
    t.equal((await saved).suggestedFilename(), 'saved.txt')
  })
})

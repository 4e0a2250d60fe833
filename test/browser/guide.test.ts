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
  const files: Record<string, { type: string; body: string }> = {
    '/': {
      type: 'text/html',
      body: `<!doctype html><title>guide</title><script src="/settings.js"></script><script src="/guide.js"></script><script>
        Object.assign(guide.settings, settings)
        guide.signIn().then(isSignedIn => { document.documentElement.className = isSignedIn ? 'signed-in' : '' })
      </script>`,
    },
    '/guide.js': { type: 'text/javascript', body: await bundleGuide() },
  }
  const origin = await startPages(t, files)
  const aws = await startAws(t, { corsOrigins: [origin] })
  const api = await buildTestApi(t, aws, { env: { CORS_ORIGINS: origin } })
  const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })
  const browser = await startChromium(t)
  const page = await browser.newPage()
  page.on('pageerror', error => t.fail(error.message))

  const settings = { api: api.url, issuer: aws.env.COGNITO_ISSUER, clientId: aws.env.COGNITO_CLIENT_ID }
  files['/settings.js'] = { type: 'text/javascript', body: `const settings = ${JSON.stringify(settings)}` }
  const signedIn = () => page.waitForSelector('html.signed-in', { state: 'attached' })
  /** Opens the page, as after a reload. The user has a session at Cognito, so no page of Cognito is shown. */
  const open = async () => {
    await page.goto(origin)
    await signedIn()
  }

  await t.test('the user signs in on the pages of Cognito', async t => {
    await page.goto(origin)
    await page.waitForSelector('h1:has-text("Sign in")')
    t.equal(await page.evaluate('location.origin'), aws.endpoints.cognito)
    await page.fill('[name=username]', aws.user.username)
    await page.fill('[name=password]', 'wrong')
    await page.click('button')
    await page.waitForSelector('[role=alert]:has-text("Incorrect username or password.")')
    await page.fill('[name=password]', aws.user.password)
    await page.click('button')
    await signedIn()
    t.equal(await page.evaluate('location.href'), `${origin}/`, 'the code is not in the URL')
    t.match(await page.evaluate('Object.keys({ ...localStorage, ...sessionStorage })'), [], 'the tokens are in memory')
  })
  const run = <T>(code: string) =>
    page.evaluate<T>(`(async () => {
      const bytes = size => Uint8Array.from({ length: size }, (_, index) => index % 251)
      // Breaks the signature of the token that the page has.
      const spoil = async () => {
        const user = await guide.users().getUser()
        user.id_token += 'x'
        await guide.users().storeUser(user)
      }
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
      await spoil()
      const response = await guide.call('/uploads')
      const problem = await guide.downloadOf('018f3a5e-0000-7000-8000-000000000000').catch(error => error)
      return { status: response.status, type: problem.type, message: problem.message }`)
    t.match(result, { status: 200, type: 'urn:headgate:problem:not-found', message: /\S/ })
  })

  const MIB = 1024 ** 2
  const SIZE = 10 * MIB
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
      await spoil()
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
          void spoil()
        }
        ${start}
        XMLHttpRequest.prototype.send = send
        return { statuses, digest: await digest(await guide.read(uploadId)) }`)
      t.equal(result.statuses.filter(status => status === 401).length, 1, result.statuses.join())
      t.equal(result.digest, digestOf(SIZE))
    }
  })

  await t.test('Uppy uploads straight to S3, in one request or in parts, and the upload is recorded', async t => {
    await open()
    for (const size of [0, 5, 9 * MIB, 20 * MIB + 7]) {
      const result = await run<{ digest: string; filename: string; status: string; puts: number }>(`${digest}
        performance.clearResourceTimings()
        const uppy = guide.createUppyS3()
        const seen = []
        uppy.on('upload-progress', (_, { bytesUploaded }) => seen.push(bytesUploaded))
        const data = new File([bytes(${size})], 'Grüße.bin', { type: 'application/octet-stream' })
        uppy.addFile({ name: data.name, type: data.type, data })
        const { successful, failed } = await uppy.upload()
        if (failed.length > 0) throw failed[0].error
        const { key } = successful[0].response.body
        const { filename, status } = await (await guide.call('/uploads/' + key)).json()
        if (${size} > 0 && seen.at(-1) !== ${size}) throw new Error('The progress ended at ' + seen.at(-1))
        const puts = performance.getEntriesByType('resource').filter(({ name }) => name.startsWith(${JSON.stringify(aws.endpoints.s3)}))
        return { filename, status, puts: puts.length, digest: await digest(await guide.read(key)) }`)
      t.match(result, { digest: digestOf(size), filename: 'Grüße.bin', status: /queued|stored/ })
      t.equal(result.puts, size === 0 ? 0 : size > 10 * MIB ? 3 : 1, `${size}: requests to S3`)
    }
  })

  await t.test('Uppy continues an upload to S3 after a pause, and after a reload of the page', async t => {
    for (const reload of [false, true]) {
      await open()
      const create = `
        const uppy = guide.createUppyS3()
        const data = new File([bytes(${SIZE * 2})], 'large.bin', { type: 'application/octet-stream' })
        const id = uppy.addFile({ name: data.name, type: data.type, data })
        const uploading = () => uppy.upload().then(({ successful, failed }) => {
          if (failed.length > 0) throw failed[0].error
          return successful[0].response.body.key
        })`
      const state = await run<{ uploadId: string }>(`${create}
        const arrived = new Promise(resolve => uppy.on('s3-multipart:part-uploaded', resolve))
        globalThis.uploaded = uploading()
        await arrived
        uppy.pauseAll()
        globalThis.uppy = uppy
        return uppy.getFile(id).s3Multipart`)
      if (reload) await open()
      const finish = reload
        ? `${create}
           uppy.setFileState(id, { s3Multipart: ${JSON.stringify(state)} })
           await spoil()
           const key = await uploading()`
        : `globalThis.uppy.resumeAll()
           const key = await globalThis.uploaded`
      const result = await run<{ key: string; digest: string; puts: number }>(`${digest}
        performance.clearResourceTimings()
        ${finish}
        const puts = performance.getEntriesByType('resource').filter(({ name }) => name.startsWith(${JSON.stringify(aws.endpoints.s3)}))
        return { key, puts: puts.length, digest: await digest(await guide.read(key)) }`)
      t.equal(result.key, state.uploadId)
      t.equal(result.digest, digestOf(SIZE * 2))
      t.ok(result.puts <= 2, `${result.puts} of 3 parts were sent after the pause`)
    }
  })

  await t.test('Uppy repeats a complete request of a file whose response was lost, and cancels an upload', async t => {
    await open()
    const result = await run<Record<string, unknown>>(`
      const uppy = guide.createUppyS3()
      const failOnce = (isThis, after) => {
        const { fetch } = globalThis
        globalThis.fetch = async (url, init) => {
          if (!isThis(String(url))) return fetch(url, init)
          globalThis.fetch = fetch
          if (after) await fetch(url, init)
          throw new TypeError('The connection was lost.')
        }
      }
      failOnce(url => url.endsWith('/complete'), true)
      const data = new File(['hello'], 'a.txt', { type: 'text/plain' })
      const id = uppy.addFile({ name: data.name, type: data.type, data })
      const { failed } = await uppy.upload()
      const { s3Multipart } = uppy.getFile(id)
      const { successful } = await uppy.retryUpload(id)
      failOnce(url => url.endsWith('/grants'), false)
      const refused = uppy.addFile({ name: 'b.txt', type: data.type, data })
      const other = await uppy.upload()
      const uploads = await (await guide.call('/uploads')).json()

      const large = new File([bytes(${SIZE * 2})], 'large.bin', { type: 'application/octet-stream' })
      const largeId = uppy.addFile({ name: 'cancelled.bin', type: large.type, data: large })
      const arrived = new Promise(resolve => {
        uppy.on('s3-multipart:part-uploaded', file => file.id === largeId && resolve())
      })
      void uppy.upload()
      await arrived
      const { key } = uppy.getFile(largeId).s3Multipart
      uppy.removeFile(largeId)
      let gone
      while (gone === undefined) {
        gone = await guide.call('/uploads/' + key + '/grant').then(() => undefined, ({ type }) => type)
      }
      return {
        failed: failed.length, same: successful[0].response.body.key === s3Multipart.key,
        refused: other.failed.map(({ error }) => error), gone,
        recorded: uploads.uploads.filter(({ filename }) => filename === 'a.txt' || filename === 'b.txt').length,
      }`)
    t.match(result, { failed: 1, same: true, refused: [/connection was lost/], recorded: 1, gone: /:not-found$/ })
  })

  await t.test('the user signs out, in the page and at Cognito', async t => {
    await open()
    const revoked = await run<number>(`
      const { refresh_token } = await guide.users().getUser()
      const { token_endpoint } = await guide.users().metadataService.getMetadata()
      sessionStorage.setItem('left', JSON.stringify({ refresh_token, token_endpoint }))
      return refresh_token.length`)
    t.ok(revoked > 0)
    // The page leaves for Cognito in the middle of the call.
    await run('void guide.signOut()')
    await page.waitForSelector('h1:has-text("Sign in")')
    await page.fill('[name=username]', aws.user.username)
    await page.fill('[name=password]', aws.user.password)
    await page.click('button')
    await signedIn()
    const answer = await run<Record<string, unknown>>(`
      const { refresh_token, token_endpoint } = JSON.parse(sessionStorage.getItem('left'))
      const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: guide.settings.clientId, refresh_token })
      return (await fetch(token_endpoint, { method: 'POST', body })).json()`)
    t.match(answer, { error: 'invalid_grant' }, 'the refresh token was revoked')
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

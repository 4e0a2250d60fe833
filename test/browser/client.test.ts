import { createHash } from 'node:crypto'
import { appendFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { readObject } from '../api/support.ts'
import { MIB, startScene } from '../client/support.ts'
import { startAws } from '../support/aws.ts'
import { type Fault, type Injection, type Match, to } from '../support/fault-proxy.ts'
import { delay, hold } from '../support/faults/faults.ts'
import { runProgram } from '../support/processes.ts'
import { startChromium, startPages, whyNoChromium } from './chromium.ts'
import { bundleForPages, readmeProgram } from './client-page.ts'

const root = path.resolve(import.meta.dirname, '../..')

t.test('@headgate/client in a page of another origin than the api', { skip: whyNoChromium() }, async t => {
  const origin = await startPages(t, {
    '/': { type: 'text/html', body: '<!doctype html><title>page</title><input type="file">' },
    ...(await bundleForPages({ client: "export * from '@headgate/client'", program: inPage(readmeProgram()) })),
    ...(await bundleForPages({ worker: SERVICE_WORKER }, { splitting: false })),
  })
  const aws = await startAws(t, { corsOrigins: [origin] })
  const scene = await startScene(t, aws, { env: { CORS_ORIGINS: origin } })
  const { apiProxy, s3Proxy, user } = scene
  runProgram(t, [path.join(root, 'services/worker/worker.ts')], { env: aws.env })
  const page = await (await startChromium(t)).newPage()
  page.on('pageerror', error => t.fail(error.message))
  await page.goto(origin)

  /** Runs code in the page, which has `client`, `bytes(size)` and the exports of the package in `package`. */
  const run = <T>(code: string) =>
    page.evaluate<T>(`(async () => {
      const exports = await import('/client.js')
      const bytes = size => Uint8Array.from({ length: size }, (_, index) => index % 251)
      globalThis.token ??= ${JSON.stringify(user.idToken)}
      globalThis.rejected ??= []
      const client = new exports.Headgate({
        url: ${JSON.stringify(apiProxy.url)},
        getToken({ rejected }) {
          if (rejected !== undefined) {
            globalThis.rejected.push(rejected)
            globalThis.token = ${JSON.stringify(user.accessToken)}
          }
          return globalThis.token
        },
      })
      ${code}
    })()`)

  await t.test('the program of the README uploads a File, and prints what became of it', async t => {
    const lines = await page.evaluate<string[]>(`(async () => {
      globalThis.API = ${JSON.stringify(apiProxy.url)}
      globalThis.TOKEN = ${JSON.stringify(user.idToken)}
      const lines = []
      const { log } = console
      console.log = line => lines.push(line)
      await import('/program.js').finally(() => { console.log = log })
      return lines
    })()`)
    t.ok(lines.length >= 2)
    t.equal(lines.at(-2), '12 of 12 bytes')
    t.equal(lines.at(-1), 'HELLO CLIENT')
  })

  const methods: Record<string, { size: number; isBody: Match; requests: number }> = {
    raw: { size: 30 * MIB, isBody: to('POST', /^\/uploads\?/), requests: 1 },
    grant: { size: 50 * MIB, isBody: to('PUT'), requests: 7 },
    tus: { size: 30 * MIB, isBody: to('PATCH'), requests: 1 },
  }
  for (const [method, { size, isBody, requests }] of Object.entries(methods)) {
    const proxy = method === 'grant' ? s3Proxy : apiProxy
    await t.test(`${method}: progress moves while the requests are sent, and the bytes arrive`, async t => {
      const before = proxy.count(isBody)
      const moved = Promise.withResolvers<void>()
      // The proxies read nothing until the page has reported progress, so none of the requests can have ended.
      const held = proxy.inject(hold(moved.promise), { when: isBody })
      await run(`
        globalThis.seen = []
        globalThis.partly = Promise.withResolvers()
        const file = new File([bytes(${size})], 'large.bin')
        globalThis.uploading = client.upload(file, { method: '${method}', onProgress({ sentBytes, totalBytes }) {
          seen.push(sentBytes)
          if (sentBytes > 0 && sentBytes < totalBytes) partly.resolve()
        } })
        globalThis.uploading.catch(partly.reject)`)
      await run('await globalThis.partly.promise')
      moved.resolve()
      const { seen, uploaded } = await run<{ seen: number[]; uploaded: { sha256: string; s3: { key: string } } }>(
        'return { uploaded: await globalThis.uploading, seen: globalThis.seen }',
      )
      held.remove()
      t.equal(uploaded.sha256, digestOf(size))
      t.equal(sha256Of((await readObject(aws, uploaded.s3.key)).bytes), digestOf(size))
      t.equal(seen.at(-1), size)
      t.strictSame(
        seen,
        [...seen].sort((a, b) => a - b),
        'without a fault the number only grows',
      )
      t.equal(proxy.count(isBody) - before, requests)
      t.comment(`${method}: ${seen.length} reports`)
    })

    await t.test(`${method}: the signal ends the requests, and the upload rejects with its reason`, async t => {
      const never = new Promise<void>(() => undefined)
      const held: Injection = proxy.inject(hold(never), { when: isBody })
      const message = await run<string>(`
        const stop = new AbortController()
        return client.upload(new File([bytes(${size})], 'large.bin'), {
          method: '${method}', signal: stop.signal,
          onProgress: ({ sentBytes }) => sentBytes > 0 && stop.abort(new Error('The user pressed cancel.')),
        }).then(() => 'uploaded', error => error.message)`)
      held.remove()
      t.equal(message, 'The user pressed cancel.')
    })

    await t.test(`${method}: a rejected token is replaced`, async t => {
      const result = await run<{ sha256: string; rejected: string[] }>(`
        globalThis.token = 'expired'
        globalThis.rejected = []
        const { sha256 } = await client.upload(new File([bytes(1000)], 'a.bin'), { method: '${method}' })
        return { sha256, rejected: globalThis.rejected }`)
      t.strictSame(result, { sha256: digestOf(1000), rejected: ['expired'] })
    })
  }

  await t.test('a file that changes before it is sent is reported, and not retried', async t => {
    const file = path.join(t.testdir({ 'growing.bin': Buffer.alloc(30 * MIB) }), 'growing.bin')
    await page.setInputFiles('input', file)
    const change: Fault = async exchange => {
      await appendFile(file, 'more')
      await exchange.pass()
    }
    // The preflight comes after the digest was computed, and before Chromium opens the file to send it.
    const changed = apiProxy.inject(change, { when: to('OPTIONS', /^\/uploads\?filename=growing/) })
    const name = await run<string>(`
      const [file] = document.querySelector('input').files
      return client.upload(file, { method: 'raw' }).then(() => 'uploaded', error => error.name)`)
    changed.remove()
    t.equal(name, 'UnreadableFileError')
    t.equal(changed.hits, 1)
  })

  await t.test('a service worker uploads by every method, and a slow body has time there', async t => {
    // The request has 500 ms, and more for each byte, because a service worker does not know how much was sent.
    const slow = apiProxy.inject(delay(1_500), { when: to('POST', /filename=slow/) })
    const result = await page.evaluate<unknown>(`(async () => {
      await navigator.serviceWorker.register('/worker.js', { type: 'module' })
      const { active } = await navigator.serviceWorker.ready
      const answered = new Promise((resolve, reject) => {
        navigator.serviceWorker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data))
      })
      active.postMessage(${JSON.stringify({ url: apiProxy.url, token: user.idToken })})
      return answered
    })()`)
    t.strictSame(result, { raw: digestOf(MIB), grant: digestOf(MIB), tus: digestOf(MIB), slow: 200 })
    t.equal(slow.hits, 1)
  })

  await t.test('an upload is followed, listed, downloaded and removed', async t => {
    const result = await run<Record<string, unknown>>(`
      const { uploadId } = await client.upload(new File(['hello'], 'Grüße.txt', { type: 'text/plain' }))
      const statuses = []
      for await (const event of client.events(uploadId)) statuses.push(event.upload.status)
      const waited = await client.waitUntilProcessed(uploadId)
      const text = async what => (await client.download(uploadId, { what })).text()
      const { url } = await client.downloadUrl(uploadId)
      const result = {
        statuses, waited: waited.status,
        content: await text('content'), processed: await text('processed'),
        linked: await (await fetch(url)).text(),
      }
      for await (const upload of client.list()) {
        if (upload.uploadId === uploadId) result.listed = upload.filename
      }
      await client.remove(uploadId)
      result.removed = await client.status(uploadId).catch(error => error instanceof exports.NotFoundError)
      return result`)
    t.match(result, {
      waited: 'processed',
      content: 'hello',
      processed: 'HELLO',
      linked: 'hello',
      listed: 'Grüße.txt',
      removed: true,
    })
    t.equal((result.statuses as string[]).at(-1), 'processed')
  })
})

/** Uploads when a page posts a message, and posts the results. */
const SERVICE_WORKER = `
import { Headgate } from '@headgate/client'
import { send } from './send.ts'

const bytes = Uint8Array.from({ length: ${MIB} }, (_, index) => index % 251)

onmessage = event => event.waitUntil(answer(event))

async function answer({ data: { url, token }, source }) {
  try {
    const results = {}
    const client = new Headgate({ url, getToken: () => token })
    for (const method of ['raw', 'grant', 'tus']) {
      results[method] = (await client.upload(new File([bytes], 'a.bin'), { method })).sha256
    }
    const { status } = await send(url + '/uploads?filename=slow', {
      method: 'POST',
      headers: { authorization: 'Bearer ' + token, 'content-type': 'application/octet-stream' },
      body: new Blob([bytes]),
      stallMs: 500,
    })
    source.postMessage({ ...results, slow: status })
  } catch (error) {
    source.postMessage({ error: String(error) })
  }
}`

/** Changes the program of the README as it says for a browser: settings of the page, and a File instead of a path. */
function inPage(program: string): string {
  const changes = {
    'process.env.API': 'API',
    'process.env.TOKEN': 'TOKEN',
    "'notes.txt'": "new File(['hello client'], 'notes.txt', { type: 'text/plain' })",
  }
  return Object.entries(changes).reduce((code, [from, to]) => {
    if (!code.includes(from)) throw new Error(`The program has no ${from}`)
    return code.replace(from, to)
  }, program)
}

function digestOf(size: number): string {
  return sha256Of(Uint8Array.from({ length: size }, (_, index) => index % 251))
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { contentTypeOf, loadPageFiles } from '../../services/console/page-files.ts'
import type { About } from '../../services/console/snapshot.ts'
import { startChromium, whyNoChromium } from '../browser/chromium.ts'

const UPLOADS = 10_000

const about: About = {
  streamName: 'orders',
  applicationName: 'order-worker',
  region: 'us-east-1',
  failoverMs: 10_000,
  version: '0.0.0',
  allowChanges: false,
  uploads: { apiUrl: 'http://api.test', user: 'ann' },
  deadLetters: null,
  notifications: null,
  hasDoctor: false,
}

/** The newest upload has the highest id. */
const idOf = (index: number) => `0199c2d8-1b2c-7000-8000-${String(UPLOADS - index).padStart(12, '0')}`

function upload(index: number) {
  const at = new Date(Date.now() - index * 1_000).toISOString()
  return {
    uploadId: idOf(index),
    filename: `file-${index}.txt`,
    contentType: 'text/plain',
    size: index,
    status: index % 50 === 0 ? 'failed' : 'processed',
    uploadedAt: at,
    updatedAt: at,
    s3: { bucket: 'uploads', key: `uploads/ann/${idOf(index)}/file-${index}.txt` },
  }
}

/** Serves the page with the list of a user who has more uploads than a test can make. The pages of the list are those of the api. */
async function servePage(t: Pick<Test, 'teardown'>): Promise<string> {
  const files = await loadPageFiles()
  const server = createServer(({ url = '/' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://page.test')
    const name = pathname === '/' ? 'index.html' : pathname.slice(1)
    const file = files.get(name)
    if (file) return response.writeHead(200, { 'content-type': contentTypeOf(name) }).end(file)
    if (pathname === '/api/about') return response.end(JSON.stringify(about))
    if (pathname !== '/api/uploads') return response.writeHead(404).end()
    const from = Number(searchParams.get('cursor') ?? 0)
    const to = Math.min(UPLOADS, from + Number(searchParams.get('limit')))
    const uploads = Array.from({ length: to - from }, (_, index) => upload(from + index))
    const next = to < UPLOADS ? { next: `/uploads?limit=100&cursor=${to}` } : {}
    return response.end(JSON.stringify({ uploads, ...next }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/#t=token`
}

t.test(
  '10,000 uploads are read page by page while the list is scrolled, without jank',
  {
    skip: whyNoChromium(),
  },
  async t => {
    const page = await (await startChromium(t)).newPage()
    page.on('pageerror', error => t.fail(error.message))
    await page.goto(await servePage(t))
    await page.evaluate(`location.hash = '#/uploads'`)
    await page.waitForSelector('.table-row')
    const rows = () => page.evaluate<number>("document.querySelectorAll('.table-row').length")
    t.equal(await page.evaluate("document.querySelector('.table').getAttribute('aria-rowcount')"), '101')

    const { frames, slowest, late } = await page.evaluate<{
      frames: number
      slowest: number
      late: number
    }>(`(async () => {
    const table = document.querySelector('.table')
    const times = []
    for (let last = performance.now(); table.getAttribute('aria-rowcount') !== '${UPLOADS + 1}'; ) {
      table.scrollTop = table.scrollHeight
      const at = await new Promise(requestAnimationFrame)
      times.push(at - last)
      last = at
    }
    return { frames: times.length, slowest: Math.max(...times), late: times.filter(ms => ms > 100).length }
  })()`)
    t.comment(
      `${frames} frames until all were listed, the slowest after ${Math.round(slowest)} ms, ${late} over 100 ms`,
    )
    t.ok(frames > 100, 'each page was drawn')
    t.ok((await rows()) < 60, 'only the rows in sight are in the document')
    await page.evaluate("document.querySelector('.table').scrollTop = 1e9")
    await page.waitForSelector(`.table a[href="#/uploads/${idOf(UPLOADS - 1)}"]`)
    await page.click('.table-head button:text("Size")')
    await page.evaluate("document.querySelector('.table').scrollTop = 0")
    await page.waitForSelector(`.table a[href="#/uploads/${idOf(UPLOADS - 1)}"]`)
    t.pass('the largest of all 10,000 comes first')
  },
)

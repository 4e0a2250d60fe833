import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { contentTypeOf, loadPageFiles } from '../../services/console/page-files.ts'
import type { About, LiveEvent, ShardView } from '../../services/console/snapshot.ts'
import { startChromium, whyNoChromium } from '../browser/chromium.ts'

const SHARDS = 1_000
const LAST_HASH_KEY = 2n ** 128n - 1n

const idOf = (index: number) => `shardId-${String(index).padStart(12, '0')}`

function shard(index: number, recordsPerSecond: number): ShardView {
  const width = (LAST_HASH_KEY + 1n) / BigInt(SHARDS)
  const now = Date.now()
  return {
    id: idOf(index),
    parents: [],
    isListed: true,
    isClosed: false,
    isFinished: false,
    firstHashKey: String(width * BigInt(index)),
    lastHashKey: String(width * BigInt(index + 1) - 1n),
    lease: {
      owner: `worker-${index % 40}`,
      requestedBy: null,
      checkpoint: '49590338271490256608559692538361571095921575989136588898',
      subSequenceNumber: 0,
      renewedAt: now,
      progressedAt: now,
      ownerSwitches: 0,
    },
    lag: { doneUpTo: now - 1_000, oldestWaiting: null, isTrimmed: false, measuredAt: now },
    arrivals: { recordsPerSecond, bytesPerSecond: recordsPerSecond * 900, measuredAt: now },
  }
}

const about: About = {
  streamName: 'orders',
  applicationName: 'order-worker',
  region: 'us-east-1',
  failoverMs: 10_000,
  version: '0.0.0',
  allowChanges: false,
  uploads: null,
  deadLetters: null,
  notifications: null,
  hasDoctor: false,
}

function event(shards: ShardView[]): string {
  const at = Date.now()
  const workers = Array.from({ length: 40 }, (_, index) => ({
    id: `worker-${index}`,
    state: 'alive' as const,
    shards: Array.from({ length: 25 }, (_, n) => idOf(n * 40 + index)),
    renewedAt: at,
    writesPerMinute: 500,
    memory: { usedBytes: 1_000_000, maxBytes: 64 * 1024 ** 2 },
  }))
  const live: LiveEvent = {
    summary: {
      at,
      watchingSince: at - 60_000,
      workers,
      pauses: [],
      findings: [],
      isReady: true,
      hasLeases: true,
      hasShards: true,
      lagIntervalMs: 200_000,
      throughput: null,
      destinations: null,
      drain: { ms: null, isFallingBehind: false, isEstimated: true },
      deadLetters: null,
    },
    shards,
    gone: [],
    moves: [],
    history: [],
  }
  return `data: ${JSON.stringify(live)}\n\n`
}

/** Serves the page with the data of a stream that no test can have: 1,000 shards, of which 50 change every 200 ms. */
async function servePage(t: Pick<Test, 'teardown'>): Promise<string> {
  const files = await loadPageFiles()
  const server = createServer(({ url = '/' }, response) => {
    const file = files.get(url === '/' ? 'index.html' : url.slice(1))
    if (file)
      return response.writeHead(200, { 'content-type': contentTypeOf(url === '/' ? 'index.html' : url) }).end(file)
    if (url === '/api/about') return response.end(JSON.stringify(about))
    if (url !== '/api/live') return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(event(Array.from({ length: SHARDS }, (_, index) => shard(index, index % 50))))
    let round = 0
    const timer = setInterval(() => {
      round++
      response.write(event(Array.from({ length: 50 }, (_, n) => shard((round * 50 + n) % SHARDS, 100 + n))))
    }, 200)
    return response.once('close', () => clearInterval(timer))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/#t=token`
}

t.test('1,000 shards that change all the time are listed without jank', { skip: whyNoChromium() }, async t => {
  const page = await (await startChromium(t)).newPage()
  page.on('pageerror', error => t.fail(error.message))
  await page.goto(await servePage(t))
  await page.evaluate(`location.hash = '#/stream'`)
  await page.waitForSelector('.table-row')
  const rows = () => page.evaluate<number>("document.querySelectorAll('.table-row').length")
  t.ok((await rows()) < 60, 'only the rows in sight are in the document')
  t.equal(await page.evaluate("document.querySelector('.table').getAttribute('aria-rowcount')"), '1001')

  const { frames, slowest, late } = await page.evaluate<{
    frames: number
    slowest: number
    late: number
  }>(`(async () => {
    const table = document.querySelector('.table')
    const times = []
    const end = performance.now() + 4000
    for (let last = performance.now(); last < end; ) {
      table.scrollTop = (table.scrollTop + 700) % table.scrollHeight
      const at = await new Promise(requestAnimationFrame)
      times.push(at - last)
      last = at
    }
    return { frames: times.length, slowest: Math.max(...times), late: times.filter(ms => ms > 100).length }
  })()`)
  t.comment(`${frames} frames in 4 s while scrolling, the slowest after ${Math.round(slowest)} ms, ${late} over 100 ms`)
  // On a busy machine, the processors decide how many frames there are. A page that renders all rows draws hardly any.
  t.ok(frames > 4, 'the page draws while the data changes')
  t.ok((await rows()) < 60)

  await page.evaluate("document.querySelector('.table').scrollTop = 1e9")
  await page.waitForSelector(`.table a[href="#/stream/${idOf(SHARDS - 1)}"]`)
  await page.fill('input[type=search]', idOf(777))
  await page.waitForSelector(`.table a[href="#/stream/${idOf(777)}"]`)
  t.equal(await rows(), 1)
})

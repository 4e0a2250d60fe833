import type { IncomingMessage } from 'node:http'
import path from 'node:path'
import {
  type KinesisClient,
  ListShardsCommand,
  PutRecordCommand,
  SplitShardCommand,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis'
import t from 'tap'
import { createMetrics } from '../../services/api/admin/metrics.ts'
import { adminPages } from '../../services/api/admin/pages.ts'
import { doctorOf } from '../../services/cli/doctor/from-environment.ts'
import { findQuietPort } from '../../services/local/ports.ts'
import { openOperatorPort } from '../../services/platform/operator-port.ts'
import { names } from '../../services/platform/resources.ts'
import { buildTestApi, createTestUser } from '../api/support.ts'
import { accessibilityFaults } from '../browser/axe.ts'
import { type Page, startChromium, whyNoChromium } from '../browser/chromium.ts'
import { aggregate } from '../support/aggregate.ts'
import { startAws } from '../support/aws.ts'
import { type Program, runProgram, until } from '../support/processes.ts'
import { startTestConsole } from './support.ts'

const root = path.resolve(import.meta.dirname, '../..')

t.test('the console in a browser, on a running pipeline', { skip: whyNoChromium() }, async t => {
  const aws = await startAws(t)
  const { kinesis } = aws
  const healthPorts = [await findQuietPort('127.0.0.1'), await findQuietPort('127.0.0.1')]
  const workers = ['worker-one', 'worker-two'].map((WORKER_ID, index) =>
    runProgram(t, [path.join(root, 'services/worker/worker.ts')], {
      env: { ...aws.env, WORKER_ID, HEALTH_PORT: String(healthPorts[index]) },
    }),
  )
  const metrics = createMetrics()
  const api = await buildTestApi(t, aws, { metrics })
  const readiness = new Promise<never>(() => undefined) // Nobody asks for it here.
  const pages = adminPages({ metrics, readiness: () => readiness, isStopping: () => false })
  const admin = await openOperatorPort({ host: '127.0.0.1', port: 0, pages, log: api.app.log })
  t.teardown(() => admin.close())
  const user = await createTestUser(aws)
  const uploads = { apiUrl: api.url, user: 'ann', getToken: () => user.idToken }
  const console = await startTestConsole(t, aws.endpoints, {
    allowChanges: true,
    uploads,
    metricsUrls: [`${admin.url}/metrics`, ...healthPorts.map(port => `http://127.0.0.1:${port}/metrics`)],
    doctor: doctorOf({ env: aws.env, aws, uploads }),
    deadLetters: { bucket: aws.env.PROCESSED_BUCKET ?? '' },
    uploadsTable: aws.env.UPLOADS_TABLE ?? '',
  })
  const page = await (await startChromium(t)).newPage()
  page.on('pageerror', error => t.fail(error.message))
  page.on('console', message => {
    // A violation of the Content-Security-Policy, for example. The page shows a failed request itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load')) t.fail(message.text())
  })
  await page.goto(console.url)

  await t.test('the token leaves the address, and the overview names the workers', async t => {
    await page.waitForSelector('.tile h2')
    t.equal(await page.evaluate('location.href'), `${console.origin}/#/`)
    const paint = await page.evaluate<number>("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    t.comment(`first paint after ${Math.round(paint)} ms`)
    for (const id of ['worker-one', 'worker-two']) await see(page, id)
    await see(page, 'Nothing. The console has watched')
  })

  await t.test('a shard shows its records as they arrive, and numbers keep their digits', async t => {
    await show(page, `stream/${(await shardIds(kinesis))[1]}`)
    await see(page, 'No new records yet.')
    await put(kinesis, '{"id":12345678901234567890,"name":"first"}', 1)
    await page.waitForSelector('.record-list li')
    await see(page, '"name":"first"')
    await page.click('.record-list li > button')
    const text = await (await page.waitForSelector('pre.data'))?.textContent()
    t.equal(text, '{\n  "id": 12345678901234567890,\n  "name": "first"\n}')
  })

  await t.test('an aggregated record is unpacked, and the filter finds one of its records', async () => {
    const data = aggregate(['one', 'two', 'three'].map(text => ({ key: `key-${text}`, data: Buffer.from(text) })))
    await put(kinesis, data, 1)
    await page.selectOption('.toolbar select', 'oldest')
    await page.fill('.toolbar input[type=search]', 'three')
    await page.click('.toolbar button.primary')
    await see(page, 'key-three')
    await see(page, '1 match in')
    t.notMatch(await text(page), 'key-two')
  })

  await t.test('a test record is put on the shard', async t => {
    await page.fill('.toolbar input[type=search]', '')
    // Otherwise the reading ends at the newest record, which can be before the record is put.
    await page.click('.toolbar input[type=checkbox]')
    await page.click('.toolbar button.primary')
    await page.click('.records .tools button')
    await page.waitForSelector('dialog[open]')
    t.strictSame(await accessibilityFaults(page), [])
    await page.fill('dialog input', 'my-key')
    await page.fill('dialog textarea', 'put by hand')
    await page.click('dialog button.primary')
    await see(page, 'The record was put.')
    await see(page, 'put by hand')
  })

  await t.test('a split is visible in the lineage', async () => {
    await show(page, 'stream')
    const [first = ''] = await shardIds(kinesis)
    await split(kinesis, first)
    const [left, right] = (await shardIds(kinesis)).slice(-2)
    await page.waitForSelector(`.lineage a[href="#/stream/${left}"]`, { timeout: 60_000 })
    await page.waitForSelector(`.lineage a[href="#/stream/${right}"]`)
    t.equal(await page.evaluate("document.querySelectorAll('.lineage .edge').length"), 2)
  })

  await t.test('a file is sent, seen to be processed, previewed and deleted', async t => {
    await show(page, 'uploads')
    await see(page, 'There are no uploads yet.')
    const csv = 'name,qty\nApple,3\n"Pear, green",5\n'
    await page.setInputFiles('input[type=file]', { name: 'fruit.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) })
    await page.waitForSelector('.badge.ok:text("processed")', { timeout: 60_000 })
    await page.click('a.row-link:text("fruit.csv")')
    await see(page, 'What happened')
    await page.waitForSelector('.timeline .processed')
    await page.waitForSelector('.timeline .written')
    const steps = "Array.from(document.querySelectorAll('.timeline .step'), ({ textContent }) => textContent).join()"
    t.equal(await page.evaluate(steps), 'received,stored,queued,read,transforming,written,processed')
    t.match(await text(page), /Worker\s+worker-(one|two)\s+Attempts of this worker\s+1, no retry\s+Shard\s+shard \d/)
    t.match(await text(page), /Sequence number\s+\d{56}/)
    const cells = 'Array.from(document.querySelectorAll(".csv td"), ({ textContent }) => textContent)'
    await page.waitForSelector('.csv td')
    t.strictSame(await page.evaluate(cells), ['Apple', '3', 'Pear, green', '5'])
    const output = await (await page.waitForSelector('pre.data'))?.textContent()
    t.match(output, '"Pear, green"', 'the output is JSON')
    t.strictSame(await accessibilityFaults(page), [])
    await page.click('button.danger:text("Delete")')
    await page.click('dialog[open] button.danger')
    await see(page, 'There are no uploads yet.')
  })

  await t.test('a large file is paused, and continues after the page was loaded again', async t => {
    await show(page, 'uploads')
    const file = path.join(t.testdir({ 'large.bin': 'x'.repeat(24 * 1024 ** 2) }), 'large.bin')
    const offsets: number[] = []
    let received = () => 0
    api.app.server.on('request', ({ method, headers, socket }: IncomingMessage) => {
      if (method !== 'PATCH') return
      offsets.push(Number(headers['upload-offset']))
      const before = socket.bytesRead
      received = () => socket.bytesRead - before
    })
    const network = await page.context().newCDPSession(page)
    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 2 * 1024 ** 2 }
    await network.send('Network.emulateNetworkConditions', slow)
    await page.setInputFiles('input[type=file]', file)
    // What the browser has sent may still be on its way to the api.
    await until(() => received() > 8 * 1024 ** 2, { timeoutMs: 60_000, what: 'a part of the file to arrive' })
    await page.click('button:text("Pause")')
    await see(page, 'paused at')
    t.strictSame(await accessibilityFaults(page), [])
    await page.reload()
    await network.send('Network.emulateNetworkConditions', { ...slow, uploadThroughput: -1 })
    await see(page, 'was interrupted. Choose the same file again to continue.')
    t.strictSame(await accessibilityFaults(page), [])
    await page.setInputFiles('input[type=file]', file)
    // The list shows the upload before it is complete.
    await until(() => offsets.length > 1, { timeoutMs: 60_000, what: 'the upload to continue' })
    await page.waitForSelector('.sending progress', { state: 'hidden', timeout: 60_000 })
    await see(page, 'large.bin')
    t.equal(offsets[0], 0)
    t.ok((offsets.at(-1) ?? 0) > 0, `it continued at ${offsets.at(-1)}`)
    t.notMatch(await text(page), 'was interrupted')
  })

  await t.test('the overview has the rates and the latency that the api and the workers measure', async t => {
    await show(page, 'overview')
    const value = (title: string) =>
      page.evaluate<string>(`document.querySelector('.tile[aria-label="${title}"] .value').textContent`)
    await page.waitForSelector('.tile[aria-label="Latency"] .value:text("s")', { timeout: 60_000 })
    t.match(await value('Latency'), /^[\d.]+ m?s$/)
    for (const title of ['Accepted', 'Processed']) t.match(await value(title), /^[\d.]+ \/s$/, title)
    t.equal(await value('Outbox'), 'empty')
    await page.waitForSelector('.chart canvas')
    t.equal(await page.evaluate("document.querySelectorAll('.chart canvas').length"), 3)
  })

  await t.test('the doctor checks the deployment when it is asked', async t => {
    await page.click('button:text("Check the deployment")')
    await page.waitForSelector('.checks', { state: 'attached', timeout: 60_000 })
    t.match(await text(page), /\d+ checks ok, 0 failed/)
    t.strictSame(await accessibilityFaults(page), [])
  })

  await t.test('a record that cannot be processed is seen, redriven and discarded', async t => {
    await show(page, 'overview')
    await see(page, 'Runbook: DeadLetters')
    await show(page, 'dead-letters')
    await see(page, 'HEADGATE_')
    const waiting = () => page.evaluate<number>("document.querySelectorAll('.table-row .badge.bad').length")
    const before = await waiting()
    t.ok(before > 0)
    await page.click('.table-row a.row-link')
    await see(page, 'Data of the record')
    t.strictSame(await accessibilityFaults(page), [])
    await page.click('button:text("Redrive…")')
    await see(page, 'Redrive 1 dead letter?')
    t.strictSame(await accessibilityFaults(page), [])
    await page.click('dialog[open] button.primary')
    await see(page, '1 redriven')
    await page.click('button:text("Discard…")')
    await page.click('dialog[open] button.danger')
    await see(page, 'There is no dead letter')
  })

  await t.test('each worker shows how much of its records is in memory, and its maximum', async t => {
    await show(page, 'workers')
    await page.waitForSelector('.card:nth-of-type(2) .memory')
    const shown = await page.evaluate<string>("document.querySelector('.card .memory').parentElement.innerText")
    t.match(shown, /^\d+ \w+ of 64 MiB$/)
    t.notMatch(await text(page), 'unknown')
  })

  await t.test('the application is paused and resumed', async t => {
    await show(page, 'workers')
    await page.click('button:text("Pause…")')
    t.strictSame(await accessibilityFaults(page), [])
    await page.fill('dialog[open] input', 'the table is moved')
    await page.click('dialog[open] button.primary')
    await show(page, 'overview')
    await see(page, 'The application is paused.')
    await see(page, 'the table is moved')
    await show(page, 'workers')
    await page.click('button:text("Resume…")')
    await page.click('dialog[open] button.primary')
    await page.waitForSelector('button:text("Pause…")')
  })

  await t.test('a replay is planned, and then run', async t => {
    await show(page, 'replay')
    await page.click('button.primary')
    await page.waitForSelector('.table-row .badge.warn', { timeout: 60_000 })
    t.strictSame(await accessibilityFaults(page), [])
    await page.click('.confirm input')
    await page.click('.confirm button')
    await see(page, 'moved back', 60_000)
    await show(page, 'workers')
    await see(page, 'was moved back')
  })

  await t.test('no view has an accessibility fault, in either theme', async t => {
    for (const view of VIEWS) {
      await show(page, view)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        t.strictSame(await accessibilityFaults(page), [], `${view}, ${colorScheme}`)
      }
    }
  })

  await t.test('every view fits the width of a phone', async t => {
    await page.setViewportSize({ width: 390, height: 844 })
    for (const view of VIEWS) {
      await show(page, view)
      t.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= 390, view)
    }
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  await t.test('the views and the controls work with the keyboard alone', async t => {
    await show(page, 'overview')
    await page.evaluate("document.querySelector('nav a').focus()")
    // Past the uploads, to the stream.
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await see(page, 'Splits and merges')
    t.equal(await page.evaluate('document.activeElement.id'), 'content', 'the Tab key continues in the new view')
  })

  await t.test('a worker that is killed is shown as silent, and its leases are seen to move', async () => {
    await show(page, 'workers')
    await page.waitForSelector('.card.alive:nth-child(2)')
    await kill(workers[0])
    await page.waitForSelector('.card.silent', { timeout: 30_000 })
    await see(page, 'was taken from a silent worker', 60_000)
    await page.waitForSelector('.card.alive:only-child')
  })

  await t.test('a page whose console has ended says so, and its link opens nothing', async () => {
    await console.close()
    await see(page, 'The console does not respond.')
  })
})

const VIEWS = [
  'overview',
  'uploads',
  'stream',
  'stream/shardId-000000000001',
  'workers',
  'dead-letters',
  'notifications',
  'replay',
  'no-such-view',
]

async function show(page: Page, view: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`)
  await page.waitForSelector('main h1')
}

const text = (page: Page) => page.evaluate<string>('document.body.innerText')

/** Resolves when the text is on the page. */
async function see(page: Page, wanted: string, timeout = 30_000): Promise<void> {
  await page.waitForSelector(`:text(${JSON.stringify(wanted)})`, { timeout })
}

async function shardIds(kinesis: KinesisClient): Promise<string[]> {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: names.stream }))
  return Shards.map(({ ShardId = '' }) => ShardId)
}

/** Puts a record on the shard with this index. */
async function put(kinesis: KinesisClient, data: string | Uint8Array, index: number): Promise<void> {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: names.stream }))
  await kinesis.send(
    new PutRecordCommand({
      StreamName: names.stream,
      PartitionKey: 'key',
      ExplicitHashKey: Shards[index]?.HashKeyRange?.StartingHashKey,
      Data: Buffer.from(data),
    }),
  )
}

async function split(client: KinesisClient, shardId: string): Promise<void> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: names.stream }))
  const { StartingHashKey = '0', EndingHashKey = '0' } =
    Shards.find(shard => shard.ShardId === shardId)?.HashKeyRange ?? {}
  const middle = (BigInt(StartingHashKey) + BigInt(EndingHashKey)) / 2n
  await client.send(
    new SplitShardCommand({ StreamName: names.stream, ShardToSplit: shardId, NewStartingHashKey: String(middle) }),
  )
  await waitUntilStreamExists({ client, minDelay: 0.1, maxDelay: 0.5, maxWaitTime: 60 }, { StreamName: names.stream })
}

async function kill(worker: Program | undefined): Promise<void> {
  worker?.child.kill('SIGKILL')
  await until(() => worker?.child.signalCode === 'SIGKILL')
}

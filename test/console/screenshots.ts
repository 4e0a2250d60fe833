/**
 * Writes the pictures of the console in docs/images. `node test/console/screenshots.ts` starts a pipeline with some uploads, and needs
 * Chromium. With a folder as its argument, it also writes each view there, in light, in dark and with the width of a phone.
 */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { SplitShardCommand, waitUntilStreamExists } from '@aws-sdk/client-kinesis'
import sharp from 'sharp'
import { createMetrics } from '../../services/api/admin/metrics.ts'
import { doctorOf } from '../../services/cli/doctor/from-environment.ts'
import { startConsole } from '../../services/console/console.ts'
import { findQuietPort } from '../../services/local/ports.ts'
import { openOperatorPort } from '../../services/platform/operator-port.ts'
import { names } from '../../services/platform/resources.ts'
import { buildTestApi, createTestUser } from '../api/support.ts'
import { startChromium } from '../browser/chromium.ts'
import { startAws } from '../support/aws.ts'
import { runProgram } from '../support/processes.ts'

const root = path.resolve(import.meta.dirname, '../..')
const folder = path.join(root, 'docs/images')
/** Few enough that the pictures stay small. */
const COLORS = 64
const WATCH_MS = 45_000

const teardowns: Array<() => unknown> = []
const t = { teardown: (run: () => unknown) => void teardowns.unshift(run) } as Parameters<typeof startAws>[0]

async function run(): Promise<void> {
  const aws = await startAws(t)
  const { kinesis } = aws
  const metricsUrls: string[] = []
  // One receiver accepts notifications, and one wants none any more.
  const receiver = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(request.url === '/crm' ? 204 : 410).end())
  })
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
  t.teardown(() => receiver.close())
  const { port } = receiver.address() as AddressInfo
  const destination = (name: string) => ({
    name,
    webhook: `http://127.0.0.1:${port}/${name}`,
    secrets: [`whsec_${randomBytes(32).toString('base64')}`],
  })
  const NOTIFICATIONS = JSON.stringify([
    destination('crm'),
    { ...destination('thumbnails'), types: ['image/*', 'text/csv'] },
  ])
  for (const name of ['one', 'two', 'three']) {
    const HEALTH_PORT = String(await findQuietPort('127.0.0.1'))
    metricsUrls.push(`http://127.0.0.1:${HEALTH_PORT}/metrics`)
    const own = { WORKER_ID: `worker-${name}`, HEALTH_PORT }
    const env = { ...aws.env, ...own, NOTIFICATIONS, NOTIFICATIONS_ALLOW_ADDRESSES: '127.0.0.0/8' }
    runProgram(t, [path.join(root, 'services/worker/worker.ts')], { env })
  }
  const metrics = createMetrics()
  const api = await buildTestApi(t, aws, { metrics })
  const pages = {
    '/metrics': async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
  }
  const admin = await openOperatorPort({ host: '127.0.0.1', port: 0, pages, log: api.app.log })
  t.teardown(() => admin.close())
  metricsUrls.push(`${admin.url}/metrics`)
  const user = await createTestUser(aws)
  const uploads = { apiUrl: api.url, user: 'ann@example.com', getToken: () => user.idToken }
  const console = await startConsole({
    clients: aws,
    region: 'us-east-1',
    streamName: names.stream,
    applicationName: names.application,
    failoverMs: 10_000,
    port: 0,
    allowChanges: true,
    operator: 'ann',
    uploads,
    metricsUrls,
    doctor: doctorOf({ env: aws.env, aws, uploads }),
    deadLetters: { bucket: aws.env.PROCESSED_BUCKET ?? '' },
    uploadsTable: aws.env.UPLOADS_TABLE ?? '',
    onError: error => {
      throw error
    },
  })
  t.teardown(() => console.close())
  const page = await (await startChromium(t)).newPage()
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.emulateMedia({ colorScheme: 'light' })
  await page.goto(console.url)

  const send = async (filename: string, type: string, body: Uint8Array | string) => {
    const query = new URLSearchParams({ filename })
    const headers = { ...user.auth, 'content-type': type }
    const response = await fetch(`${api.url}/uploads?${query}`, { method: 'POST', headers, body: Buffer.from(body) })
    return ((await response.json()) as { uploadId: string }).uploadId
  }
  const circle = '<svg width="900" height="600"><circle cx="450" cy="300" r="210" fill="#f1bd64"/></svg>'
  const picture = await sharp({ create: { width: 900, height: 600, channels: 3, background: '#3f7de0' } })
    .composite([{ input: Buffer.from(circle) }])
    .png()
    .toBuffer()
  await send('broken.png', 'image/png', picture.subarray(0, 200))
  await send('fruit.csv', 'text/csv', 'name,qty\nApple,3\n"Pear, green",5\n')
  await send('notes.txt', 'text/plain', 'hello kinesis')
  const uploadId = await send('sun.png', 'image/png', picture)
  await kinesis.send(
    new SplitShardCommand({
      StreamName: names.stream,
      ShardToSplit: 'shardId-000000000001',
      NewStartingHashKey: String(3n * 2n ** 125n),
    }),
  )
  await waitUntilStreamExists({ client: kinesis, maxWaitTime: 60 }, { StreamName: names.stream })
  let sent = 0
  const files = setInterval(() => {
    // The rates on the overview go up and down.
    const count = 2 + Math.round(3 * (1 + Math.sin(sent++ / 4)))
    for (let index = 0; index < count; index++) void send(`file-${sent}-${index}.txt`, 'text/plain', `hello ${sent}`)
  }, 1_000)
  t.teardown(() => clearInterval(files))
  // The charts need some time to have a line.
  await new Promise(resolve => setTimeout(resolve, WATCH_MS))

  const views = {
    overview: 'overview',
    stream: 'stream',
    records: 'stream/shardId-000000000002',
    workers: 'workers',
    uploads: 'uploads',
    upload: `uploads/${uploadId}`,
    'dead-letters': 'dead-letters',
    notifications: 'notifications',
    replay: 'replay',
  }
  for (const [name, view] of Object.entries(views)) {
    await page.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`)
    await new Promise(resolve => setTimeout(resolve, 6_000))
    const file = path.join(folder, `console-${name}.png`)
    await page.screenshot({ path: file })
    await writeFile(file, await sharp(file).png({ palette: true, colours: COLORS, effort: 10 }).toBuffer())
    const [folderOfAll] = process.argv.slice(2)
    if (folderOfAll === undefined) continue
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 1_900 })
        await new Promise(resolve => setTimeout(resolve, 700))
        await page.screenshot({ path: path.join(folderOfAll, `${name}-${colorScheme}-${width}.png`) })
      }
    }
    await page.emulateMedia({ colorScheme: 'light' })
    await page.setViewportSize({ width: 1280, height: 800 })
  }
}

try {
  await run()
} finally {
  for (const teardown of teardowns) await teardown()
}

import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { findQuietPort } from '../../services/local/ports.ts'
import { buildTestApi, createTestUser } from '../api/support.ts'
import { accessibilityFaults } from '../browser/axe.ts'
import { type Page, startChromium, whyNoChromium } from '../browser/chromium.ts'
import { startAws } from '../support/aws.ts'
import { runProgram } from '../support/processes.ts'
import { startTestConsole } from './support.ts'

const root = path.resolve(import.meta.dirname, '../..')

async function show(page: Page, view: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`)
  await page.waitForSelector('main h1')
}
const see = (page: Page, wanted: string) =>
  page.waitForSelector(`:text(${JSON.stringify(wanted)})`, { timeout: 60_000 })
const text = (page: Page) => page.evaluate<string>('document.querySelector("main").innerText')

/** A receiver whose answer the test chooses. */
async function startReceiver(t: Pick<typeof import('tap').default, 'teardown'>) {
  const receiver = { status: 410, ids: [] as unknown[], url: '' }
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (receiver.status < 300) receiver.ids.push(request.headers['webhook-id'])
      response.writeHead(receiver.status).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return receiver
}

t.test('notifications in the console, with a worker and a receiver', { skip: whyNoChromium() }, async t => {
  const aws = await startAws(t)
  const receiver = await startReceiver(t)
  const HEALTH_PORT = String(await findQuietPort('127.0.0.1'))
  const secrets = [`whsec_${randomBytes(32).toString('base64')}`]
  runProgram(t, [path.join(root, 'services/worker/worker.ts')], {
    env: {
      ...aws.env,
      HEALTH_PORT,
      NOTIFICATIONS: JSON.stringify([{ name: 'crm', webhook: receiver.url, secrets }]),
      NOTIFICATIONS_ALLOW_ADDRESSES: '127.0.0.0/8',
    },
  })
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const settings = {
    uploads: { apiUrl: api.url, user: 'ann', getToken: () => user.idToken },
    metricsUrls: [`http://127.0.0.1:${HEALTH_PORT}/metrics`],
    deadLetters: { bucket: aws.env.PROCESSED_BUCKET ?? '' },
    uploadsTable: aws.env.UPLOADS_TABLE ?? '',
  }
  const browser = await startChromium(t)
  const open = async (allowChanges: boolean) => {
    const page = await browser.newPage()
    page.on('pageerror', error => t.fail(error.message))
    await page.goto((await startTestConsole(t, aws.endpoints, { ...settings, allowChanges })).url)
    await show(page, 'notifications')
    return page
  }
  const upload = async (filename: string) => {
    const url = `${api.url}/uploads?filename=${filename}`
    const headers = { ...user.auth, 'content-type': 'text/plain' }
    const response = await fetch(url, { method: 'POST', headers, body: `the text of ${filename}` })
    return ((await response.json()) as { uploadId: string }).uploadId
  }
  const page = await open(true)

  await t.test('a destination that has got everything says so, with its breaker', async t => {
    await see(page, 'It has got all of its notifications.')
    await see(page, 'breaker closed')
    t.strictSame(await accessibilityFaults(page), [])
  })

  for (const name of ['one.txt', 'two.txt', 'three.txt']) await upload(name)

  await t.test('what was given up is listed, and one is shown with its message', async t => {
    await page.waitForSelector('[aria-label="Notifications for crm"] [aria-rowindex="4"]', { timeout: 60_000 })
    t.match(await text(page), /upload\.processed\s+given up\s+gone/)
    await page.click('.row-link')
    await see(page, '"filename": ')
    t.match(await text(page), /answered 410/)
    t.match(await text(page), /Given up\s+\d\d:\d\d:\d\d/)
    t.strictSame(await accessibilityFaults(page), [])
  })

  await t.test('a console without changes has no way to send one again', async t => {
    const readOnly = await open(false)
    await readOnly.waitForSelector('.table-row')
    t.equal(await readOnly.evaluate('document.querySelectorAll("main input, main .tools button").length'), 0)
    await readOnly.close()
  })

  await t.test('one is chosen and sent again, and then the others, after a dialog says how many', async t => {
    receiver.status = 204
    await show(page, 'notifications')
    await page.click('.table-row input[type=checkbox]')
    await page.click('button:text("Send 1 chosen again…")')
    t.strictSame(await accessibilityFaults(page), [])
    await page.click('dialog[open] button.primary')
    await see(page, '1 owed again')
    await page.click('button:text("Send all 2 again…")')
    await see(page, 'Send 2 notifications again?')
    await page.click('dialog[open] button.primary')
    await see(page, 'It has got all of its notifications.')
    t.equal(new Set(receiver.ids).size, 3, 'the receiver has got each of them')
  })

  await t.test('what is owed is shown in the list and with its upload', async t => {
    receiver.status = 503
    const uploadId = await upload('four.txt')
    await see(page, 'owed')
    await page.waitForSelector('.table-row .badge.warn')
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      t.strictSame(await accessibilityFaults(page), [], colorScheme)
    }
    await page.setViewportSize({ width: 390, height: 800 })
    t.ok(await page.evaluate('document.documentElement.scrollWidth <= 390'), 'it fits on a phone')
    await show(page, `uploads/${uploadId}`)
    await see(page, 'upload.processed for crm')
    await page.click('a:text("Show the notification")')
    await see(page, '"filename": "four.txt"')
    t.ok(await page.evaluate('document.documentElement.scrollWidth <= 390'), 'so does a notification')
    t.strictSame(await accessibilityFaults(page), [])
  })
})

t.test('without notifications, the view says how to turn them on', { skip: whyNoChromium() }, async t => {
  const { endpoints, env } = await startAws(t)
  const browser = await startChromium(t)
  const page = await browser.newPage()
  const deadLetters = { bucket: env.PROCESSED_BUCKET ?? '' }
  const uploadsTable = env.UPLOADS_TABLE ?? ''
  await page.goto((await startTestConsole(t, endpoints, { deadLetters, uploadsTable })).url)
  await show(page, 'notifications')
  await see(page, 'How to turn notifications on')
  t.strictSame(await accessibilityFaults(page), [])

  await t.test('and a permission that is missing is named', async t => {
    const { kinesis, dynamodb } = endpoints
    const other = await browser.newPage()
    await other.goto((await startTestConsole(t, { kinesis, dynamodb }, { deadLetters, uploadsTable })).url)
    await show(other, 'notifications')
    await see(other, 'Nothing responds to s3:ListBucket and s3:GetObject.')
    t.notMatch(await text(other), 'No notification waits')
  })
})

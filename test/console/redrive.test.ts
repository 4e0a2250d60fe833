import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { buildTestApi, createTestUser } from '../api/support.ts'
import { startChromium, whyNoChromium } from '../browser/chromium.ts'
import { startAws } from '../support/aws.ts'
import { runProgram } from '../support/processes.ts'
import { startTestConsole } from './support.ts'

const root = path.resolve(import.meta.dirname, '../..')
const errors = pathToFileURL(path.join(root, 'services/worker/errors.ts')).href

const module = (body: string) => `import { TransformError } from '${errors}'
export default {
  name: 'mine',
  version: '1',
  async *apply(input) {
    ${body}
  },
}
`

t.test(
  'an upload that failed is redriven on the page, and processed after the transform was mended',
  {
    skip: whyNoChromium(),
  },
  async t => {
    const folder = t.testdir({
      'mine.mjs': module("throw new TransformError('The transform does not know this file.')"),
      'transforms.json': '{ "rules": [{ "module": "./mine.mjs" }] }',
    })
    const aws = await startAws(t)
    const startWorker = (WORKER_ID: string) =>
      runProgram(t, [path.join(root, 'services/worker/worker.ts')], {
        env: { ...aws.env, WORKER_ID, TRANSFORMS: path.join(folder, 'transforms.json') },
      })
    const worker = startWorker('broken')
    const api = await buildTestApi(t, aws)
    const user = await createTestUser(aws)
    const console = await startTestConsole(t, aws.endpoints, {
      allowChanges: true,
      uploads: { apiUrl: api.url, user: 'ann', getToken: () => user.idToken },
      deadLetters: { bucket: aws.env.PROCESSED_BUCKET ?? '' },
      uploadsTable: aws.env.UPLOADS_TABLE ?? '',
    })
    const page = await (await startChromium(t)).newPage()
    page.on('pageerror', error => t.fail(error.message))
    await page.goto(console.url)
    const show = async (view: string) => {
      await page.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`)
      await page.waitForSelector('main h1')
    }
    const see = (text: string) => page.waitForSelector(`:text(${JSON.stringify(text)})`, { timeout: 60_000 })

    await show('uploads')
    await page.waitForSelector('input[type=file]', { state: 'attached' })
    await page.setInputFiles('input[type=file]', {
      name: 'a.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('hello'),
    })
    await page.waitForSelector('.badge.bad:text("failed")', { timeout: 60_000 })
    await page.click('a.row-link:text("a.txt")')
    await see('The transform does not know this file.')
    await page.waitForSelector('.timeline .transforming')

    worker.child.kill('SIGTERM')
    await worker.ended
    writeFileSync(
      path.join(folder, 'mine.mjs'),
      module("yield { contentType: 'text/plain', body: [Buffer.from('mended')] }"),
    )
    startWorker('mended')
    await show('dead-letters')
    await page.waitForSelector('.table-row span:text("a.txt")')
    await page.selectOption('.tools select', 'reason')
    await page.waitForSelector('h2:text("The transform does not know this file.")')
    await page.click('.table-row input[type=checkbox]')
    await page.setViewportSize({ width: 390, height: 800 })
    const gap = await page.evaluate<number>(
      "document.querySelector('.table').getBoundingClientRect().top - document.querySelector('.group-head').getBoundingClientRect().bottom",
    )
    t.ok(gap >= 8, 'the buttons do not touch the table on a phone')
    await page.click('button:text("Redrive 1 chosen…")')
    await page.click('dialog[open] button.primary')
    await see('1 redriven')
    await show('uploads')
    await page.waitForSelector('.badge.ok:text("processed")', { timeout: 60_000 })
    await page.click('a.row-link:text("a.txt")')
    await see('mended')
    await page.waitForSelector('.timeline .written')
    const steps = await page.evaluate<string[]>(
      "[...document.querySelectorAll('.timeline .step')].map(step => step.textContent)",
    )
    t.strictSame(
      steps.filter(step => step === 'redriven' || step === 'queued'),
      ['redriven', 'queued'],
    )
    const worker2 = await page.evaluate<string>("document.querySelector('.processing .worker').title")
    t.equal(worker2, 'mended', 'the steps are those of the worker that processed the upload')
  },
)

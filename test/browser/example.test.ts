import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { account } from '../../services/local/account.ts'
import { startPipeline, untilUp } from '../local/npm-start.ts'
import { runProgram, until } from '../support/processes.ts'
import { startChromium, whyNoChromium } from './chromium.ts'

const root = path.resolve(import.meta.dirname, '../..')

t.test('the example has the code of the guide', async t => {
  const guide = readFileSync(`${root}/docs/how-to/browser.md`, 'utf8')
  const blocks = [...guide.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code)
  const plain = blocks.filter(code => !/^import .*'(tus-js-client|@uppy\/[\w-]+)'/m.test(code))
  t.ok(plain.length >= 7 && plain.length < blocks.length)
  const [comment, ...rest] = readFileSync(`${root}/examples/browser/headgate.js`, 'utf8').split('\n\n')
  t.match(comment, /^\/\/ /)
  t.equal(rest.join('\n\n'), plain.join('\n'))
})

t.test('the example uploads by Uppy and by fetch to npm start, and downloads', { skip: whyNoChromium() }, async t => {
  const pipeline = startPipeline(t, ['--port', '0'])
  await untilUp(t, pipeline)
  const api = /^API=(.+)$/m.exec(pipeline.stdout())?.[1]
  const server = runProgram(t, [`${root}/examples/browser/serve.ts`, '0'])
  await until(() => server.stdout().includes('\n'), { what: 'the server of the example' })

  const page = await (await startChromium(t)).newPage()
  page.on('pageerror', error => t.fail(error.message))
  await page.goto(`${server.stdout().trim()}?${new URLSearchParams({ api: api ?? '' })}`)

  await page.click('#sign-in button')
  // The page of Cognito.
  await page.fill('[name=username]', account.demoUser.username)
  await page.fill('[name=password]', 'wrong')
  await page.click('button')
  await page.waitForSelector('[role=alert]:has-text("Incorrect username or password.")')
  await page.fill('[name=password]', account.demoUser.password)
  await page.click('button')
  await page.waitForSelector('#areas')

  const file = (name: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(`hello ${name}`) })
  await page.setInputFiles('#plain [name=file]', file('plain.txt'))
  await page.click('#plain button')
  await page.waitForSelector('#uploads li:has-text("plain.txt: processed")')

  await page.setInputFiles('.uppy-Dashboard-input', file('uppy.txt'))
  await page.click('.uppy-StatusBar-actionBtn--upload')
  await page.waitForSelector('#uploads li:has-text("uppy.txt: processed")')

  for (const name of ['plain.txt', 'uppy.txt']) {
    const saved = page.waitForEvent('download')
    await page.click(`#uploads li:has-text("${name}") button:has-text("original")`)
    t.equal((await saved).suggestedFilename(), name)
  }
  const error = await page.waitForSelector('#error:empty', { state: 'attached' })
  t.equal(await error?.textContent(), '')

  await page.click('#sign-out')
  await page.waitForSelector('#sign-in')
  await page.click('#sign-in button')
  await page.waitForSelector('h1:has-text("Sign in")')
  process.kill(-pipeline.pid, 'SIGINT')
  t.strictSame(await pipeline.ended, { code: 0, signal: null })
})

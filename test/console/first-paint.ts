/**
 * Measures the page of the console. `node test/console/first-paint.ts` prints the size of each file with gzip, and the first paint of ten
 * loads in a new browser each. It needs Chromium.
 */
import { gzipSync } from 'node:zlib'
import { startConsole } from '../../services/console/console.ts'
import { loadPageFiles } from '../../services/console/page-files.ts'
import { createLocalClients } from '../../services/local/clients.ts'
import { names } from '../../services/platform/resources.ts'
import { startChromium } from '../browser/chromium.ts'
import { NOWHERE } from './support.ts'

const LOADS = 10
const print = (line: string) => void process.stdout.write(`${line}\n`)
const teardowns: Array<() => unknown> = []
const t = { teardown: (run: () => unknown) => void teardowns.unshift(run) } as Parameters<typeof startChromium>[0]

try {
  let total = 0
  for (const [name, contents] of await loadPageFiles()) {
    const bytes = gzipSync(contents).length
    total += bytes
    print(`${name.padEnd(28)} ${(bytes / 1024).toFixed(1)} KiB`)
  }
  print(`${'all files, with gzip'.padEnd(28)} ${(total / 1024).toFixed(1)} KiB`)

  const clients = createLocalClients({ s3: NOWHERE, dynamodb: NOWHERE, kinesis: NOWHERE })
  t.teardown(() => clients.destroy())
  const page = await startConsole({
    clients,
    region: 'us-east-1',
    streamName: names.stream,
    applicationName: names.application,
    uploadsTable: names.uploadsTable,
    failoverMs: 10_000,
    operator: 'nobody',
    port: 0,
    allowChanges: false,
    onError: error => {
      throw error
    },
  })
  t.teardown(() => page.close())
  const paints: number[] = []
  for (let load = 0; load < LOADS; load++) {
    const browser = await startChromium(t)
    const tab = await browser.newPage()
    await tab.goto(page.url)
    await tab.waitForSelector('main h1')
    paints.push(
      await tab.evaluate<number>("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"),
    )
    await browser.close()
  }
  paints.sort((a, b) => a - b)
  print(`first paint: median ${Math.round(paints[LOADS / 2] ?? 0)} ms, slowest ${Math.round(paints.at(-1) ?? 0)} ms`)
} finally {
  for (const teardown of teardowns) await teardown()
}

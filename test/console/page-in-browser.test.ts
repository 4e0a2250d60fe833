import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { ListShardsCommand, PutRecordCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { shardName } from '../../services/console/page/format.ts'
import { KinesisConsumer } from '../../services/consumer/index.ts'
import { names } from '../../services/platform/resources.ts'
import { type Page, startChromium, whyNoChromium } from '../browser/chromium.ts'
import { startAws } from '../support/aws.ts'
import { until } from '../support/processes.ts'
import { startTestConsole } from './support.ts'

const see = (page: Page, wanted: string) =>
  page.waitForSelector(`:text(${JSON.stringify(wanted)})`, { timeout: 30_000 })
const text = (page: Page) => page.evaluate<string>('document.querySelector("main").innerText')
const show = (page: Page, view: string) => page.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`)

t.test('the tabs of a browser share one stream of live data', { skip: whyNoChromium() }, async t => {
  const { endpoints, kinesis } = await startAws(t)
  const console = await startTestConsole(t, endpoints)
  const profile = await (await startChromium(t)).newContext()
  const tabs: Page[] = []
  // A browser opens at most six connections to a server. With a stream for each tab, the seventh tab would not even load.
  for (let index = 0; index < 8; index++) {
    const tab = await profile.newPage()
    tabs.push(tab)
    await tab.goto(console.url)
    await tab.waitForSelector('.tile[aria-label="Shards"] .value:text("4")')
  }
  await t.test('when the tab that receives it is closed, another one receives it', async () => {
    await tabs[0]?.close()
    const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: names.stream }))
    await kinesis.send(
      new PutRecordCommand({
        StreamName: names.stream,
        PartitionKey: 'key',
        ExplicitHashKey: Shards[0]?.HashKeyRange?.StartingHashKey,
        Data: Buffer.alloc(100_000),
      }),
    )
    for (const tab of tabs.slice(1)) await tab.waitForSelector('.tile[aria-label="Arriving"] .value:not(:text("0 /s"))')
  })
})

t.test('a shard in the browser', { skip: whyNoChromium() }, async t => {
  const { endpoints, kinesis } = await startAws(t)
  const console = await startTestConsole(t, endpoints)
  const page = await (await startChromium(t)).newPage()
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: names.stream }))
  const [shard] = Shards
  for (const name of ['one', 'two']) {
    await kinesis.send(
      new PutRecordCommand({
        StreamName: names.stream,
        PartitionKey: `the-key-of-${name}`,
        ExplicitHashKey: shard?.HashKeyRange?.StartingHashKey,
        Data: Buffer.from(`{"name":"${name}"}`),
      }),
    )
  }
  await page.goto(console.url)
  await show(page, `stream/${shard?.ShardId}`)
  await page.selectOption('.toolbar select', 'oldest')

  await t.test('a chosen start is read at once, and the partition keys are visible', async t => {
    await see(page, '"name":"two"')
    const size = (what: string) =>
      page.evaluate<number>(`document.querySelector('.record-list .key').getBoundingClientRect().${what}`)
    t.ok((await size('width')) > 80 && (await size('height')) > 10)
  })

  await t.test('a filter is counted once it was applied', async t => {
    await page.fill('.toolbar input[type=search]', 'name')
    t.notMatch(await text(page), 'match', 'the list was read without it')
    await page.click('.toolbar button.primary')
    await see(page, '2 matches in 2 records.')
  })

  await t.test('a sequence number that the shard does not have is named', async t => {
    await page.selectOption('.toolbar select', 'sequence')
    await page.fill('.toolbar input.mono', '123')
    await page.click('.toolbar button.primary')
    await see(page, 'has no sequence number 123.')
    t.notMatch(await text(page), 'There is no stream')
  })

  await t.test('a tab that is hidden reads no records, and continues where it ended', async () => {
    await page.fill('.toolbar input[type=search]', '')
    await page.selectOption('.toolbar select', 'latest')
    await see(page, 'No new records yet.')
    const setHidden = (isHidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
      )
    await setHidden(true)
    await page.waitForSelector('button:text("Stop")', { state: 'hidden' })
    await kinesis.send(
      new PutRecordCommand({
        StreamName: names.stream,
        PartitionKey: 'while-hidden',
        ExplicitHashKey: shard?.HashKeyRange?.StartingHashKey,
        Data: Buffer.from('meanwhile'),
      }),
    )
    await setHidden(false)
    await see(page, 'meanwhile')
  })

  await t.test('a file that is dropped beside the drop zone does not replace the page', async t => {
    const isPrevented = `(() => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File(['x'], 'x.txt'))
      const event = new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer })
      document.querySelector('h1').dispatchEvent(event)
      return event.defaultPrevented
    })()`
    t.equal(await page.evaluate(isPrevented), true)
  })
})

t.test('what cannot be read is not shown as a fact', { skip: whyNoChromium() }, async t => {
  const { endpoints } = await startAws(t)
  const browser = await startChromium(t)

  await t.test('without the lease table, nothing says that no worker runs', async t => {
    const { kinesis } = endpoints
    const page = await browser.newPage()
    const deadLetters = { bucket: 'some-bucket' }
    await page.goto((await startTestConsole(t, { kinesis }, { deadLetters })).url)
    await see(page, 'Nothing responds to dynamodb:Scan')
    const value = (title: string) =>
      page.evaluate<string>(`document.querySelector('.tile[aria-label="${title}"] .value').textContent`)
    for (const title of ['Workers', 'Dead letters']) t.equal(await value(title), '–', title)
    await show(page, 'workers')
    await see(page, 'The lease table cannot be read.')
    t.notMatch(await text(page), 'No worker')
    await show(page, 'stream')
    await see(page, 'owner unknown')
    t.notMatch(await text(page), 'no owner')
  })

  await t.test('without the stream, no shard is closed, up to date or has lost records', async t => {
    const page = await browser.newPage()
    const settings = { streamName: 'another-stream' }
    await page.goto((await startTestConsole(t, endpoints, settings)).url)
    await see(page, "There is no stream 'another-stream'.")
    t.equal(await page.evaluate(`document.querySelector('.tile[aria-label="Shards"] .value').textContent`), '–')
    t.notMatch(await text(page), /lost records|nothing to drain|up to date/)
    await show(page, 'stream')
    await see(page, 'There are no shards to show.')
  })
})

t.test('a row of the lease table that is invalid is named, and hides no worker', { skip: whyNoChromium() }, async t => {
  const { endpoints, dynamodb, kinesis } = await startAws(t, { shards: 2 })
  const consumer = new KinesisConsumer({
    applicationName: names.application,
    streamName: names.stream,
    kinesis,
    dynamodb,
    workerId: 'worker-1',
    handler: () => undefined,
  })
  t.teardown(() => consumer.stop())
  await consumer.start()
  await until(() => consumer.snapshot().length === 2)
  const [, bad = ''] = consumer.snapshot().map(({ shardId }) => shardId)
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: names.application,
      Key: { leaseKey: { S: bad } },
      UpdateExpression: 'REMOVE leaseCounter',
    }),
  )
  const page = await (await startChromium(t)).newPage()
  await page.goto((await startTestConsole(t, endpoints)).url)
  await see(page, `The row '${shardName(bad)}' of the lease table has no counter or no checkpoint.`)
  await show(page, 'workers')
  await page.waitForSelector('.card .worker[title="worker-1"]')
})
